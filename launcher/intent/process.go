package intent

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultStopTimeout is docker's and podman's.
const defaultStopTimeout = 10 * time.Second

// entrypoint reads --entrypoint: a JSON array of strings as podman takes it, else one program. The empty
// string resets the image's entrypoint.
func entrypoint(s string) []string {
	if strings.HasPrefix(s, "[") {
		list := []string{}
		if json.Unmarshal([]byte(s), &list) == nil {
			return list
		}
	}
	return []string{s}
}

// command merges what was asked with what the image says, as docker does: a given entrypoint, even an empty
// one, drops the image's command; a given command keeps the image's entrypoint. `--entrypoint '[]'` is
// podman's way to drop the entrypoint and keep the command.
func command(asked *string, args []string, img *ImageConfig) (entry, cmd []string) {
	if asked != nil {
		entry = entrypoint(*asked)
	}
	if img != nil {
		if len(entry) == 0 && len(args) == 0 {
			args = img.Cmd
		}
		if asked == nil {
			entry = img.Entrypoint
		}
	}
	if len(entry) == 1 && entry[0] == "" {
		entry = nil
	}
	return entry, args
}

func (b *builder) process() error {
	p, o := b.spec.Process, b.o
	b.extra.Entrypoint, b.extra.Cmd = command(o.Entrypoint, o.Command(), b.Image)
	p.Args = slices.Concat(b.extra.Entrypoint, b.extra.Cmd)
	if len(p.Args) == 0 {
		return fail(ErrInvalid, "no command: the image has none and none was given").
			fix("coracle run … IMAGE COMMAND")
	}
	for _, a := range p.Args {
		if strings.IndexByte(a, 0) >= 0 {
			return fail(ErrInvalid, "the command holds a NUL byte: %q", a)
		}
	}
	var err error
	if p.Cwd, err = b.cwd(); err != nil {
		return err
	}
	p.Terminal = o.TTY
	if o.TTY {
		p.ConsoleSize = b.Host.Terminal
		if o.Interactive && b.Host.Terminal == nil {
			b.warn("-t was given and stdin is not a terminal: programs that need one may not work")
		}
	}
	mask := uint32(0o022)
	if o.Umask != "" {
		n, err := strconv.ParseUint(o.Umask, 8, 32)
		if err != nil || n > 0o777 {
			return invalid("--umask", o.Umask, "octal from 0 to 0777 is wanted")
		}
		mask = uint32(n)
	}
	p.User.Umask = &mask
	if n := o.OOMScoreAdj; n != nil {
		// Lowering needs CAP_SYS_RESOURCE in the first user namespace, proc(5).
		if *n < b.Host.OOMScoreAdj {
			return fail(ErrUnsupported, "--oom-score-adj %d: an unprivileged user may only raise it, and it is %d", *n, b.Host.OOMScoreAdj).
				fix("--oom-score-adj %d or higher", b.Host.OOMScoreAdj)
		}
		p.OOMScoreAdj = n
	}
	return b.stop()
}

func (b *builder) stop() error {
	flag, sig := "--stop-signal", b.o.StopSignal
	if sig == "" && b.Image != nil {
		flag, sig = "STOPSIGNAL of the image", b.Image.StopSignal
	}
	var err error
	if b.extra.StopSignal, err = parseSignal(flag, sig); err != nil {
		return err
	}
	b.extra.StopTimeout = defaultStopTimeout
	if t := b.o.StopTimeout; t != nil {
		b.extra.StopTimeout = time.Duration(*t) * time.Second
		if *t < 0 {
			b.extra.StopTimeout = -1
		}
	}
	b.extra.DetachKeys, err = DetachKeys(b.o.DetachKeys)
	return err
}

// cwd is --workdir, else the image's, else the root.
func (b *builder) cwd() (string, error) {
	flag, dir := "--workdir", b.o.Workdir
	if dir == "" {
		if b.Image == nil || b.Image.WorkingDir == "" {
			return "/", nil
		}
		// docker reads a relative WORKDIR of an image against the root.
		flag, dir = "WORKDIR of the image", path.Join("/", b.Image.WorkingDir)
	}
	if !path.IsAbs(dir) {
		return "", invalid(flag, dir, "it must be an absolute path")
	}
	if strings.IndexByte(dir, 0) >= 0 {
		return "", invalid(flag, dir, "it holds a NUL byte")
	}
	dir = path.Clean(dir)
	if magicPath(dir) {
		return "", invalid(flag, dir, "it leads through the descriptors of a process, which may lie outside the container")
	}
	return dir, nil
}

// magicPath reports a path below /proc/PID or its other names: fd, cwd and root there are links the kernel
// follows to wherever a descriptor points, so a working directory of /proc/self/fd/7 was once a way out of
// the container (CVE-2024-21626). The plan resolves beneath the root as well; this says it clearly.
func magicPath(clean string) bool {
	if clean == "/dev/fd" || strings.HasPrefix(clean, "/dev/fd/") {
		return true
	}
	rest, ok := strings.CutPrefix(clean, "/proc/")
	if !ok {
		return false
	}
	pid, _, _ := strings.Cut(rest, "/")
	if pid == "self" || pid == "thread-self" {
		return true
	}
	_, err := parseID(pid)
	return err == nil
}

// DetachKeys reads --detach-keys; nil is ctrl-p,ctrl-q.
func DetachKeys(s *string) ([]byte, error) {
	if s == nil {
		return []byte{'p' & 0x1f, 'q' & 0x1f}, nil
	}
	return parseDetachKeys(*s)
}

// parseDetachKeys reads docker's form, keys separated by commas, each one character or ctrl- and one of
// a-z @ [ \ ] ^ _. The empty string means none.
func parseDetachKeys(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	var out []byte
	for k := range strings.SplitSeq(s, ",") {
		c, isCtrl := strings.CutPrefix(strings.ToLower(k), "ctrl-")
		switch {
		case len(k) == 1 && k[0] > ' ' && k[0] < 0x7f:
			out = append(out, k[0])
		case isCtrl && len(c) == 1 && (c[0] >= 'a' && c[0] <= 'z' || c[0] == '@' || c[0] >= '[' && c[0] <= '_'):
			out = append(out, c[0]&0x1f)
		default:
			return nil, invalid("--detach-keys", s, "keys like a or ctrl-p, separated by commas, are wanted")
		}
	}
	return out, nil
}
