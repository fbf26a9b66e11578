package intent

import (
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// NotifyFlags holds the flag that says who tells the service manager that a container is ready.
type NotifyFlags struct {
	SDNotify string `name:"sdnotify" placeholder:"ignore|conmon|container" help:"In a systemd service of Type=notify: who says that it is ready, coracle when the command runs, or the container."`
}

// The values of --sdnotify, podman's. Not given is ignore, not container as in podman: a container gets a socket of
// the host only if somebody says so.
const (
	NotifyIgnore    = "ignore"
	NotifyConmon    = "conmon"
	NotifyContainer = "container"
)

// notifySocket is where the container finds the service manager's socket, as with podman.
const notifySocket = "/run/notify/notify.sock"

func (o *Options) checkNotify() error {
	switch o.SDNotify {
	case "", NotifyIgnore:
		return nil
	case NotifyConmon, NotifyContainer:
		if !o.Detach {
			return fail(ErrConflict, "--sdnotify %s needs --detach: a service in the foreground has Type=exec", o.SDNotify).
				fix("--detach, or leave --sdnotify out")
		}
		return nil
	case "healthy":
		return notYet("--sdnotify healthy", "--sdnotify conmon")
	}
	return invalid("--sdnotify", o.SDNotify, "ignore, conmon and container are possible")
}

// notify gives the container the socket of the service manager, if there is one.
func (b *builder) notify() error {
	path, ok := b.Host.lookupEnv("NOTIFY_SOCKET")
	if b.o.SDNotify != NotifyContainer || !ok || path == "" {
		return nil
	}
	if !filepath.IsAbs(path) {
		return fail(ErrUnsupported, "--sdnotify container: the socket %s is not a file, so no container can be given it", path).
			fix("--sdnotify conmon")
	}
	b.spec.Process.Env = append(b.spec.Process.Env, "NOTIFY_SOCKET="+notifySocket)
	return b.addUser(specs.Mount{Destination: notifySocket, Type: "bind", Source: path,
		Options: []string{"bind", "rprivate", "nosuid", "noexec", "nodev"}}, "--sdnotify")
}
