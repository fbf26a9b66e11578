package plan

import (
	"strings"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// options maps the mount options of the OCI runtime specification to
// mount_setattr(2)'s attributes.
var options = map[string]struct {
	set, clear uint64
	name       string
}{
	"ro":          {set: unix.MOUNT_ATTR_RDONLY, name: "MOUNT_ATTR_RDONLY"},
	"rro":         {set: unix.MOUNT_ATTR_RDONLY, name: "MOUNT_ATTR_RDONLY"},
	"nosuid":      {set: unix.MOUNT_ATTR_NOSUID, name: "MOUNT_ATTR_NOSUID"},
	"suid":        {clear: unix.MOUNT_ATTR_NOSUID},
	"nodev":       {set: unix.MOUNT_ATTR_NODEV, name: "MOUNT_ATTR_NODEV"},
	"dev":         {clear: unix.MOUNT_ATTR_NODEV},
	"noexec":      {set: unix.MOUNT_ATTR_NOEXEC, name: "MOUNT_ATTR_NOEXEC"},
	"exec":        {clear: unix.MOUNT_ATTR_NOEXEC},
	"noatime":     {set: unix.MOUNT_ATTR_NOATIME, clear: unix.MOUNT_ATTR__ATIME, name: "MOUNT_ATTR_NOATIME"},
	"strictatime": {set: unix.MOUNT_ATTR_STRICTATIME, clear: unix.MOUNT_ATTR__ATIME, name: "MOUNT_ATTR_STRICTATIME"},
	"nodiratime":  {set: unix.MOUNT_ATTR_NODIRATIME, name: "MOUNT_ATTR_NODIRATIME"},
}

// noops are options that say what is so anyway.
var noops = map[string]bool{"rw": true, "bind": true, "rbind": true, "defaults": true, "relatime": true, "async": true, "atime": true, "diratime": true}

// propagations are the propagation types of mount_namespaces(7); an r before
// the name makes them apply to submounts.
var propagations = map[string]uint64{
	"private": unix.MS_PRIVATE, "rprivate": unix.MS_PRIVATE,
	"shared": unix.MS_SHARED, "rshared": unix.MS_SHARED,
	"slave": unix.MS_SLAVE, "rslave": unix.MS_SLAVE,
	"unbindable": unix.MS_UNBINDABLE, "runbindable": unix.MS_UNBINDABLE,
}

// parsed is what a list of mount options means.
type parsed struct {
	set, clear  uint64
	propagation uint64
	// recursive propagation and read-only apply to submounts too.
	recursive bool
	// data are the options of the file system itself.
	data []string
	text string
}

func parseOptions(opts []string) (o parsed) {
	var names []string
	for _, s := range opts {
		if a, ok := options[s]; ok {
			o.set, o.clear = o.set|a.set, o.clear|a.clear
			if a.name != "" {
				names = append(names, a.name)
			}
			o.recursive = o.recursive || s == "rro"
			continue
		}
		if v, ok := propagations[s]; ok {
			o.propagation = v
			o.recursive = o.recursive || s[0] == 'r'
			continue
		}
		if !noops[s] {
			o.data = append(o.data, s)
		}
	}
	o.text = strings.Join(names, "|")
	if o.text == "" {
		o.text = "0"
	}
	return o
}

var (
	emptyPath      = tape.Flags(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH")
	recursiveEmpty = tape.Flags(unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, "AT_EMPTY_PATH|AT_RECURSIVE")
	attrSize       = tape.Int(unix.MOUNT_ATTR_SIZE_VER0)
)

// mountAttr is a struct mount_attr.
func mountAttr(set, clear, propagation uint64) tape.Arg {
	text := "{"
	for _, o := range []string{"ro", "nosuid", "nodev", "noexec", "noatime"} {
		if a := options[o]; set&a.set != 0 {
			text += "+" + o
		}
	}
	for name, v := range propagations {
		if v == propagation && name[0] == 'r' {
			text += " " + name
		}
	}
	return tape.Bytes(tape.Words(set, clear, propagation, 0), text+"}")
}
