package intent

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// parseDevice reads HOST[:CTR[:PERM]] or HOST:PERM. Access rules are kept by the devices cgroup, which an
// unprivileged user does not have, so less than full access cannot be promised and is refused. "rw" is full:
// mknod(2) of a device fails in every user namespace. A read-only bind would not do either: the kernel
// checks it for files and directories only.
func parseDevice(s string) (src, dst string, err error) {
	const flag = "--device"
	parts := strings.Split(s, ":")
	perm := ""
	switch {
	case len(parts) > 3 || parts[0] == "":
		return "", "", invalid(flag, s, "HOST[:CTR[:rwm]] is wanted")
	case len(parts) == 3:
		dst, perm = parts[1], parts[2]
	case len(parts) == 2 && strings.HasPrefix(parts[1], "/"):
		dst = parts[1]
	case len(parts) == 2:
		perm = parts[1]
	}
	if len(parts) > 1 && dst == "" && perm == "" || len(parts) == 3 && perm == "" {
		return "", "", invalid(flag, s, "a part between the colons is empty")
	}
	src = parts[0]
	if !path.IsAbs(src) {
		if strings.Contains(src, "=") {
			return "", "", notYet(flag+" "+s+" (CDI devices)", "the device nodes by their paths")
		}
		return "", "", invalid(flag, s, "the device must be an absolute path")
	}
	if dst == "" {
		dst = src
	}
	bits := 0
	for _, c := range perm {
		i := strings.IndexRune("rwm", c)
		if i < 0 || bits&(1<<i) != 0 {
			return "", "", invalid(flag, s, "the access is some of r, w and m")
		}
		bits |= 1 << i
	}
	if perm != "" && bits&3 != 3 {
		return "", "", fail(ErrUnsupported, "%s %s: access can only be rwm: rules need the devices cgroup, which an unprivileged user does not have", flag, s).
			fix("%s %s:%s", flag, src, dst)
	}
	dst, err = checkDest(flag, s, dst)
	return filepath.Clean(src), dst, err
}

func deviceMount(src, dst string) specs.Mount {
	return specs.Mount{Destination: dst, Type: "bind", Source: src,
		Options: []string{"bind", "rprivate", "nosuid", "noexec"}}
}

// devices binds --device, a directory one node at a time, and with --privileged every node the user can
// open. No node is made: mknod(2) is refused in user namespaces.
func (b *builder) devices() error {
	for _, s := range b.o.Device {
		src, dst, err := parseDevice(s)
		if err != nil {
			return err
		}
		st, err := b.Host.stat(src)
		if err != nil {
			return fail(ErrNotFound, "--device %s: %s: %v", s, src, cause(err))
		}
		nodes := []string{src}
		switch {
		case st.Mode.IsDir():
			if nodes, err = b.listDevices(src); err != nil {
				return err
			}
			if len(nodes) == 0 {
				return fail(ErrNotFound, "--device %s: there is no device in %s that you may open", s, src)
			}
		case st.Mode&fs.ModeDevice == 0:
			return invalid("--device", s, src+" is not a device").fix("-v %s:%s", src, dst)
		}
		for _, n := range nodes {
			at := path.Join(dst, strings.TrimPrefix(n, src))
			if err := b.addUser(deviceMount(n, at), "--device "+s); err != nil {
				return err
			}
		}
	}
	if !b.o.Privileged || b.dests["/dev"] != "" {
		return nil
	}
	nodes, err := b.listDevices("/dev")
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if b.dests[n] == "" && !b.underUser(n) {
			b.user = append(b.user, deviceMount(n, n))
		}
	}
	return nil
}

// listDevices asks the host for nodes below dir and holds it to that.
func (b *builder) listDevices(dir string) ([]string, error) {
	if b.Host.Devices == nil {
		return nil, nil
	}
	nodes, err := b.Host.Devices(dir)
	if err != nil {
		return nil, fail(ErrNotFound, "cannot list the devices in %s: %v", dir, cause(err))
	}
	return slices.DeleteFunc(nodes, func(n string) bool {
		return !strings.HasPrefix(n, dir+"/") || n != path.Clean(n)
	}), nil
}
