package doctor

import (
	"context"
	"encoding/binary"
	"io/fs"
)

func newuidmap(_ context.Context, e *exam) finding { return e.wanted(e.mapper("newuidmap", capSetUID)) }
func newgidmap(_ context.Context, e *exam) finding { return e.wanted(e.mapper("newgidmap", capSetGID)) }

// wanted makes little of what is missing where nobody asks for it: who has no
// sub-ids has one id, which no helper maps.
func (e *exam) wanted(f finding) finding {
	if f.status == "" && e.grantErr == nil && e.grant.Single {
		f.status = Warn
	}
	return f
}

// Numbers of linux/capability.h.
const (
	capSetGID = 6
	capSetUID = 7
)

// noSuid is ST_NOSUID of statfs(2): setuid bits and file capabilities count
// for nothing on that mount.
const noSuid = 2

// mapper examines one of the helpers that write maps of sub-ids: it must be
// there, be allowed to, and not be hindered by its mount or by this process.
func (e *exam) mapper(name string, capability uint) finding {
	if e.grantErr == nil && e.grant.Direct && !e.grant.Single {
		return works("not needed: root writes maps itself")
	}
	path, err := e.LookPath(name)
	if err != nil {
		return lacks("not installed", e.install("uidmap", "shadow-utils"))
	}
	file, err := e.Stat(path)
	if err != nil {
		return lacks(err.Error(), "")
	}
	how := "setuid root"
	if file.UID != 0 || file.Mode&fs.ModeSetuid == 0 {
		data, _ := e.Xattr(path, "security.capability")
		if !capabilityGranted(data, capability) {
			return lacks(path+" has neither the setuid bit nor a file capability", "sudo chown root "+quote(path)+" && sudo chmod u+s "+quote(path))
		}
		how = "file capability"
	}
	if st, err := e.Statfs(path); err == nil && st.Flags&noSuid != 0 {
		return lacks(path+" is on a file system mounted nosuid", "sudo mount -o remount,suid \"$(findmnt -no TARGET -T "+path+")\"")
	}
	if e.NoNewPrivs() {
		return lacks(path+" cannot gain privileges: this process runs with no_new_privs",
			"start Coracle where no_new_privs is off: NoNewPrivileges=no in a unit, without --security-opt no-new-privileges in an outer container")
	}
	return works(path + ", " + how)
}

// capabilityGranted reads a security.capability attribute, struct vfs_cap_data
// of linux/capability.h in revisions 2 and 3, and reports whether the
// capability is permitted and effective.
func capabilityGranted(data []byte, capability uint) bool {
	const revisionMask, effective = 0xff000000, 1
	if len(data) != 20 && len(data) != 24 {
		return false
	}
	magic := binary.LittleEndian.Uint32(data)
	revision := magic & revisionMask >> 24
	if revision != 2 && revision != 3 || magic&effective == 0 {
		return false
	}
	return binary.LittleEndian.Uint32(data[4:])&(1<<capability) != 0
}
