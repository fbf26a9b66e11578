package intent

import (
	"path"
	"path/filepath"
	"strings"
)

// hostFileLimit bounds what is read from /etc of the host.
const hostFileLimit = 1 << 20

// files makes the small files of /etc that say who and where the container is. One the user mounts something
// on is left alone. With a network shared with another container its hosts and resolv.conf are that
// container's business, and the image's are left in place.
func (b *builder) files() error {
	if !b.o.NoHostname && b.hostname != "" {
		b.addFile("/etc/hostname", []byte(b.hostname+"\n"))
	}
	if !b.o.NoHosts && b.ns.net.join == "" {
		content, err := b.hosts()
		if err != nil {
			return err
		}
		b.addFile("/etc/hosts", content)
	}
	if b.ns.net.join == "" && !(len(b.o.DNS) == 1 && b.o.DNS[0] == "none") {
		content, err := b.resolvConf()
		if err != nil {
			return err
		}
		if content != nil {
			b.addFile("/etc/resolv.conf", content)
		}
	}
	return b.localtime()
}

func (b *builder) addFile(name string, content []byte) {
	if b.dests[name] == "" {
		b.extra.Files = append(b.extra.Files, File{Path: name, Content: content, Mode: 0o644, ReadOnly: b.o.ReadOnly})
	}
}

// localtime puts the zone's file at /etc/localtime, as podman does; the image needs no zone data for it.
func (b *builder) localtime() error {
	tz := b.o.TZ
	if tz == "" {
		return nil
	}
	name := "/etc/localtime"
	if tz != "local" {
		if !filepath.IsLocal(tz) || tz != path.Clean(tz) || strings.IndexByte(tz, 0) >= 0 {
			return invalid("--tz", tz, "a zone such as Europe/Berlin, or local, is wanted")
		}
		name = "/usr/share/zoneinfo/" + tz
	}
	data, err := b.Host.readFile(name, hostFileLimit)
	if err != nil {
		return fail(ErrNotFound, "--tz %s: cannot read %s: %v", tz, name, cause(err)).
			fix("a name below /usr/share/zoneinfo (package tzdata)")
	}
	if !strings.HasPrefix(string(data), "TZif") {
		return invalid("--tz", tz, name+" is not a time zone")
	}
	b.addFile("/etc/localtime", data)
	return nil
}
