package intent

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// buildLine parses a command line and builds it on a host that has every path.
func buildLine(t *testing.T, args ...string) (*specs.Spec, *Extras) {
	t.Helper()
	o, err := parseLine(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	in := ask(nil)
	in.Options = &o
	in.Host.Stat = func(n string) (Stat, error) {
		switch {
		case strings.HasPrefix(n, "/dev/") && n != "/dev/pts":
			return Stat{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, nil
		case strings.HasPrefix(n, "/etc/") || strings.HasPrefix(n, "/usr/bin/") || strings.HasSuffix(n, ".sock"):
			return Stat{Mode: 0o755}, nil
		}
		return Stat{Mode: fs.ModeDir | 0o755}, nil
	}
	return mustBuild(t, in)
}

// The Dev Containers CLI, without -a, which belongs to a later version.
func TestDevcontainerLine(t *testing.T) {
	s, e := buildLine(t, "--sig-proxy=false", "--mount", "type=bind,source=/home/me/ws,target=/workspaces/ws,consistency=cached",
		"-l", "devcontainer.local_folder=/home/me/ws", "-l", `devcontainer.metadata=[{"id":"a,b"}]`, "-e", "A=b c",
		"--security-opt", "label=disable", "--hostname", "dev", "--shm-size", "1g", "--tmpfs", "/run/x:size=1m", "--init",
		"--cap-add", "SYS_PTRACE", "--security-opt", "seccomp=unconfined", "-u", "ana", "--entrypoint", "/bin/sh",
		"debian", "-c", "echo started; exec \"$@\"", "-")
	equal(t, "args", s.Process.Args, []string{"/bin/sh", "-c", "echo started; exec \"$@\"", "-"})
	if got := mountLine(mountAt(s, "/workspaces/ws")); got != "bind /home/me/ws /workspaces/ws rbind,rprivate" {
		t.Error(got)
	}
	if e.SigProxy || !e.Init || e.Seccomp != "unconfined" || e.Labels["devcontainer.metadata"] != `[{"id":"a,b"}]` {
		t.Errorf("%+v", e)
	}
	if s.Process.User.UID != 1000 || s.Hostname != "dev" || !slices.Contains(s.Process.Env, "A=b c") ||
		!slices.Contains(s.Process.Capabilities.Bounding, "CAP_SYS_PTRACE") {
		t.Errorf("%+v", s.Process)
	}
}

func TestToolboxLine(t *testing.T) {
	s, e := buildLine(t, "--dns", "none", "--env", "TOOLBOX_PATH=/usr/bin/toolbox", "--hostname", "toolbox", "--ipc", "host",
		"--label", "com.github.containers.toolbox=true", "--mount", "type=devpts,destination=/dev/pts", "--name", "fedora",
		"--network", "host", "--no-hosts", "--pid", "host", "--privileged", "--security-opt", "label=disable",
		"--ulimit", "host", "--user", "root:root", "--volume", "/:/run/host:rslave", "--volume", "/dev:/dev:rslave",
		"--volume", "/run/user/1001/bus.sock:/run/user/1001/bus.sock", "--volume", "/home/ana:/home/ana:rslave",
		"--volume", "/usr/bin/toolbox:/usr/bin/toolbox:ro", "debian", "toolbox", "--log-level", "debug", "init-container", "--home", "/home/ana")
	equal(t, "args", s.Process.Args, []string{"toolbox", "--log-level", "debug", "init-container", "--home", "/home/ana"})
	equal(t, "namespaces", nsList(s), []string{"user", "uts", "mount", "cgroup"})
	for dst, want := range map[string]string{
		"/run/host":        "bind / /run/host rbind,rslave",
		"/dev":             "bind /dev /dev rbind,rslave",
		"/usr/bin/toolbox": "bind /usr/bin/toolbox /usr/bin/toolbox rbind,rprivate,rro",
		"/proc":            "bind /proc /proc rbind,rprivate,nosuid,noexec,nodev",
		"/dev/pts":         "devpts devpts /dev/pts rprivate,nosuid,noexec,newinstance",
		"/dev/shm":         "none",
	} {
		if got := mountLine(mountAt(s, dst)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", dst, got, want)
		}
	}
	if fileAt(e, "/etc/hosts") != "none" || fileAt(e, "/etc/resolv.conf") != "none" || fileAt(e, "/etc/hostname") != "toolbox\n" {
		t.Errorf("%+v", e.Files)
	}
	if s.Linux.MaskedPaths != nil || s.Linux.RootfsPropagation != "rslave" || e.Seccomp != "unconfined" {
		t.Errorf("%+v", s.Linux)
	}
}

func TestGitlabLine(t *testing.T) {
	script := "set -e\necho 'a, b'\n"
	s, e := buildLine(t, "--interactive", "--user", "0:0", "--workdir", "/gcl-builds", "-e", "TEXT=line one\nline two",
		"--entrypoint", "", "-v", "/srv/cache:/gcl-builds/", "debian", "sh", "-c", script)
	equal(t, "args", s.Process.Args, []string{"sh", "-c", script})
	if !e.Interactive || s.Process.Cwd != "/gcl-builds" || !slices.Contains(s.Process.Env, "TEXT=line one\nline two") {
		t.Errorf("%+v", s.Process)
	}
	if mountAt(s, "/gcl-builds") == nil {
		t.Errorf("%v", s.Mounts)
	}
}

func TestDistroboxLine(t *testing.T) {
	s, _ := buildLine(t, "--platform", "linux/amd64", "--hostname", "box.host", "--name", "box", "--privileged",
		"--security-opt", "label=disable", "--security-opt", "apparmor=unconfined", "--pids-limit=-1", "--user", "root:root",
		"--ipc", "host", "--network", "host", "--pid", "host", "--label", "manager=distrobox",
		"--env", "SHELL=bash", "--env", "container=podman", "--volume", "/tmp:/tmp:rslave",
		"--volume", "/etc/hosts:/etc/hosts:ro", "--volume", "/dev/null:/run/.nopasswd:ro",
		"--volume", "/usr/bin/init:/usr/bin/entrypoint:ro", "--annotation", "run.oci.keep_original_groups=1",
		"--ulimit", "host", "--userns", "keep-id:size=65536", "--entrypoint", "/usr/bin/entrypoint",
		"debian", "--verbose", "--name", "ana", "--user", "1001", "--", "hooks")
	equal(t, "args", s.Process.Args, []string{"/usr/bin/entrypoint", "--verbose", "--name", "ana", "--user", "1001", "--", "hooks"})
	if s.Annotations["run.oci.keep_original_groups"] != "1" || !slices.Contains(s.Process.Env, "container=podman") {
		t.Errorf("%v %v", s.Annotations, s.Process.Env)
	}
	if got := mountLine(mountAt(s, "/run/.nopasswd")); got != "bind /dev/null /run/.nopasswd rbind,rprivate,rro" {
		t.Error(got)
	}
}

// podman-compose detaches and publishes.
func TestComposeLine(t *testing.T) {
	o, err := parseLine(t, "--name=web", "-d", "--label", "io.podman.compose.project=p", "-p", "127.0.0.1:18081:80", "--restart", "unless-stopped", "img")
	if err != nil {
		t.Fatal(err)
	}
	_, e := mustBuild(t, ask(func(p *Options) { *p = o }))
	if e.Slirp == nil || len(e.Slirp.Ports) != 1 || e.Slirp.Ports[0].String() != "127.0.0.1:18081:80/tcp" {
		t.Errorf("%+v", e.Slirp)
	}
}
