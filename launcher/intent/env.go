package intent

import (
	"slices"
	"strings"
)

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// proxyNames are the variables --http-proxy passes, podman's list.
var proxyNames = [...]string{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"}

// environ is an environment in the order its names first came, each name once, the last value winning. It
// is searched from the front: images have a dozen variables, and a map costs more than that.
type environ struct{ list []string }

// set takes "NAME=value" whose name ends before the first "=".
func (e *environ) set(kv string) {
	name := kv[:strings.IndexByte(kv, '=')+1]
	for i, old := range e.list {
		if strings.HasPrefix(old, name) {
			e.list[i] = kv
			return
		}
	}
	e.list = append(e.list, kv)
}

func (e *environ) has(name string) bool {
	return slices.ContainsFunc(e.list, func(kv string) bool { return isNamed(kv, name) })
}

func (e *environ) unset(name string) {
	e.list = slices.DeleteFunc(e.list, func(kv string) bool { return isNamed(kv, name) })
}

func isNamed(kv, name string) bool {
	return len(kv) > len(name) && kv[len(name)] == '=' && kv[:len(name)] == name
}

// env builds the environment. Later wins: built in, image, --env-host or --http-proxy, --env-file, --env.
// --unsetenv takes from the first two. What the host has gets in only by the caller naming it.
func (b *builder) env() error {
	o := b.o
	e := &environ{list: make([]string, 0, 12)}
	if !o.UnsetenvAll {
		e.set(defaultPath)
		if b.hostname != "" {
			e.set("HOSTNAME=" + b.hostname)
		}
		if o.TTY {
			// docker's and podman's value: the caller's own terminal may be one the image has no entry for.
			e.set("TERM=xterm")
		}
		// systemd's container interface; the value images of Fedora and UBI carry themselves.
		e.set("container=oci")
		b.systemdEnv(e)
		b.imageEnv(e)
	}
	if !o.UnsetenvAll && !e.has("HOME") {
		e.set("HOME=" + b.home)
	}
	for _, name := range o.Unsetenv {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return invalid("--unsetenv", name, "it is not the name of a variable")
		}
		e.unset(name)
	}
	if err := b.hostEnv(e); err != nil {
		return err
	}
	b.spec.Process.Env = e.list
	return nil
}

// imageEnv takes NAME=value and nothing else. podman read "NAME" and "*" from the host here, so an image
// could have the caller's secrets (CVE-2026-57231).
func (b *builder) imageEnv(e *environ) {
	if b.Image == nil {
		return
	}
	for _, kv := range b.Image.Env {
		if strings.IndexByte(kv, '=') > 0 && strings.IndexByte(kv, 0) < 0 {
			e.set(kv)
		}
	}
}

// hostEnv adds what the caller named.
func (b *builder) hostEnv(e *environ) error {
	o := b.o
	if o.EnvHost {
		b.copyHost(e, "")
	}
	if o.HTTPProxy {
		for _, name := range proxyNames {
			if v, ok := b.Host.lookupEnv(name); ok {
				e.set(name + "=" + v)
			}
		}
	}
	for _, file := range o.EnvFile {
		data, err := b.Host.readFile(b.abs(file), fileLimit)
		if err != nil {
			return fail(ErrNotFound, "cannot read --env-file %s: %v", file, err)
		}
		lines, err := parseKVFile("--env-file "+file, data)
		if err != nil {
			return err
		}
		for _, kv := range lines {
			if strings.IndexByte(kv, '=') > 0 {
				e.set(kv)
			} else if strings.HasSuffix(kv, "*") {
				// A file is often somebody else's; a pattern in it would take more than its reader sees.
				return invalid("--env-file "+file, kv, "a pattern is possible with -e only")
			} else if v, ok := b.Host.lookupEnv(kv); ok {
				e.set(kv + "=" + v)
			}
		}
	}
	for _, kv := range o.Env {
		name, _, has, err := cutKey("--env", kv)
		if err != nil {
			return err
		}
		prefix, glob := strings.CutSuffix(name, "*")
		switch {
		case has:
			e.set(kv)
		case glob && prefix == "":
			return invalid("--env", kv, "it names no variable").fix("--env-host for all of them")
		case glob:
			b.copyHost(e, prefix)
		default:
			// docker: a name the host does not have is removed from what the image set.
			if v, ok := b.Host.lookupEnv(name); ok {
				e.set(name + "=" + v)
			} else {
				e.unset(name)
			}
		}
	}
	return nil
}

// copyHost takes all variables of the caller whose name starts with prefix.
func (b *builder) copyHost(e *environ, prefix string) {
	if b.Host.Environ == nil {
		return
	}
	for _, kv := range b.Host.Environ() {
		if i := strings.IndexByte(kv, '='); i > 0 && strings.HasPrefix(kv[:i], prefix) {
			e.set(kv)
		}
	}
}
