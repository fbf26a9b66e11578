package userns

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// host answers the questions that tell why a map was refused. They are asked
// after a failure only; tests give their own answers.
type host struct {
	noNewPrivs func() bool
	bounding   func(cap uint) bool // is the capability in the bounding set
	effective  func() uint64       // the effective capabilities
	stat       func(path string) (helperFile, error)
	sysctl     func(name string) string // as below /proc/sys, "" if there is none
	executable func() string            // this program's path, "" if unknown
	// confinement is the AppArmor profile of this process, "" for none. The file may
	// be another security module's, whose words are not of this form.
	confinement func() string
}

// helperFile is what matters of a helper's file.
type helperFile struct {
	setuid bool // the setuid bit, with an owner of uid 0
	caps   bool // file capabilities
	nosuid bool // on a file system where neither counts
}

func thisHost() host {
	return host{
		noNewPrivs: noNewPrivs,
		bounding: func(cap uint) bool {
			on, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(cap), 0, 0, 0)
			return err != nil || on == 1
		},
		effective: effectiveCaps,
		stat:      statHelper,
		sysctl:    readSysctl,
		executable: func() string {
			path, err := os.Executable()
			if err != nil {
				return ""
			}
			return path
		},
		confinement: func() string {
			text, err := os.ReadFile("/proc/self/attr/apparmor/current")
			if err != nil {
				// Linux before 5.8 has it under the old name only.
				text, _ = os.ReadFile("/proc/self/attr/current")
			}
			return confinedBy(string(text))
		},
	}
}

// confinedBy reads a label: "NAME (enforce)", or "unconfined".
func confinedBy(label string) string {
	name, enforced := strings.CutSuffix(strings.TrimSpace(label), " (enforce)")
	if !enforced {
		return ""
	}
	return name
}

func noNewPrivs() bool {
	on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return err == nil && on == 1
}

func statHelper(path string) (helperFile, error) {
	var f helperFile
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return f, err
	}
	// In a container the file may belong to a uid that is not mapped: no setuid.
	f.setuid = st.Mode&unix.S_ISUID != 0 && st.Uid == 0
	if n, err := unix.Getxattr(path, "security.capability", nil); err == nil && n > 0 {
		f.caps = true
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return f, err
	}
	f.nosuid = fs.Flags&unix.ST_NOSUID != 0
	return f, nil
}

func readSysctl(name string) string {
	proc, err := openProc()
	if err != nil {
		return ""
	}
	defer proc.close()
	text, err := proc.read("sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
