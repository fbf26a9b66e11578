package intent

import "strings"

// ipcSysctls belong to the ipc namespace, besides fs.mqueue.*; podman's list.
const ipcSysctls = " kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni kernel.shm_rmid_forced "

// parseSysctl reads NAME=VALUE. The name becomes a path below /proc/sys, a dot a slash, so only what cannot
// climb is accepted: parts of letters, digits, - and _.
func parseSysctl(s string) (name, value string, err error) {
	const flag = "--sysctl"
	name, value, has, err := cutKey(flag, s)
	if err != nil {
		return "", "", err
	}
	if !has {
		return "", "", invalid(flag, s, "NAME=VALUE is wanted")
	}
	for part := range strings.SplitSeq(name, ".") {
		ok := part != ""
		for i := 0; ok && i < len(part); i++ {
			ok = alnum(part[i]) || part[i] == '_' || part[i] == '-'
		}
		if !ok {
			return "", "", invalid(flag, s, "the name is not one of a sysctl, such as net.ipv4.ip_forward")
		}
	}
	return name, value, nil
}

// sysctls accepts those of a namespace that is the container's own. All others change the host, or another
// container.
func (b *builder) sysctls() error {
	for _, s := range b.o.Sysctl {
		name, value, err := parseSysctl(s)
		if err != nil {
			return err
		}
		var own bool
		var flag string
		switch {
		case strings.HasPrefix(name, "net."):
			own, flag = b.ns.net.private(), "--network "+b.extra.Network
		case strings.HasPrefix(name, "fs.mqueue.") || strings.Contains(ipcSysctls, " "+name+" "):
			own, flag = b.ns.ipc.private(), "--ipc "+b.o.IPC
		case name == "kernel.hostname":
			return invalid("--sysctl", s, "the name has a flag of its own").fix("--hostname %s", value)
		case name == "kernel.domainname":
			return invalid("--sysctl", s, "the name has a flag of its own").fix("--domainname %s", value)
		default:
			return fail(ErrUnsupported, "--sysctl %s: it does not belong to a namespace, so it would change the whole host", s)
		}
		if !own {
			return conflict("--sysctl "+name, flag, "that namespace is shared")
		}
		if _, twice := b.spec.Linux.Sysctl[name]; twice {
			return fail(ErrConflict, "--sysctl %s was given twice", name)
		}
		if b.spec.Linux.Sysctl == nil {
			b.spec.Linux.Sysctl = map[string]string{}
		}
		b.spec.Linux.Sysctl[name] = value
	}
	return nil
}
