package storage

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"coracle/userns"
)

// ErrUnsafeDir says that a directory which only the user may touch is not
// theirs alone.
var ErrUnsafeDir = errors.New("directory is not private")

// Paths are the two directories that belong to Coracle. They are found by the
// caller, in the host's user namespace; a process that is mapped root is told
// them, because uid 0 there does not mean what it means here.
type Paths struct {
	Data string // containers, names, records: what lasts
	Run  string // sockets: what may be lost at any time
}

// FindPaths chooses the directories for a real uid, without making them.
//
// Data is $XDG_DATA_HOME/coracle, else ~/.local/share/coracle (XDG base
// directory specification 0.8), for root /var/lib/coracle. Run is
// $XDG_RUNTIME_DIR/coracle, else /run/user/UID/coracle, for root /run/coracle,
// else /tmp/coracle-UID. A variable that names somebody else's directory, as
// after su or sudo -E, is passed over.
//
// In the shell of coracle unshare they are the real user's, whose files show as
// root's there.
func FindPaths(uid int, getenv func(string) string) (Paths, error) {
	if uid == 0 {
		if b, ok, _ := userns.Unshared(getenv); ok {
			return findPaths(b.UID, 0, getenv)
		}
	}
	return findPaths(uid, uid, getenv)
}

// findPaths chooses for the user uid, to whom belongs what shows as seen's.
func findPaths(uid, seen int, getenv func(string) string) (Paths, error) {
	run := "/tmp/coracle-" + strconv.Itoa(uid)
	switch system := "/run/user/" + strconv.Itoa(uid); {
	case ownedBy(getenv("XDG_RUNTIME_DIR"), seen):
		run = filepath.Join(getenv("XDG_RUNTIME_DIR"), "coracle")
	case ownedBy(system, seen):
		run = filepath.Join(system, "coracle")
	case uid == 0 && unix.Access("/run", unix.W_OK) == nil:
		run = "/run/coracle"
	}
	data := getenv("XDG_DATA_HOME")
	switch {
	case uid == 0 && !ownedBy(data, seen):
		data = "/var/lib"
	case !filepath.IsAbs(data):
		home, err := homeDir(uid, getenv)
		if err != nil {
			return Paths{}, err
		}
		data = filepath.Join(home, ".local/share")
	}
	return Paths{Data: filepath.Join(data, "coracle"), Run: run}, nil
}

func homeDir(uid int, getenv func(string) string) (string, error) {
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return home, nil
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir, nil
	}
	return "", fmt.Errorf("no home directory for uid %d: HOME is not set and /etc/passwd does not name it"+
		"\n  fix: export HOME=/path or XDG_DATA_HOME=/path", uid)
}

func ownedBy(dir string, uid int) bool {
	var st unix.Stat_t
	return filepath.IsAbs(dir) && unix.Stat(dir, &st) == nil &&
		st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == uid
}

// MakeRun makes the run directory, mode 0700, and checks that it is a directory
// of ours that nobody else may enter. In /tmp anybody may have made it first.
// Errors: [ErrUnsafeDir].
func (p Paths) MakeRun() error {
	err := unix.Mkdir(p.Run, 0o700)
	if err != nil && err != unix.EEXIST {
		return &os.PathError{Op: "mkdir", Path: p.Run, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Lstat(p.Run, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: p.Run, Err: err}
	}
	why := ""
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		why = "it is not a directory"
	case int(st.Uid) != os.Geteuid():
		why = fmt.Sprintf("uid %d owns it", st.Uid)
	case st.Mode&0o077 != 0:
		why = fmt.Sprintf("its mode is %04o, others may enter", st.Mode&0o7777)
	default:
		return nil
	}
	return fmt.Errorf("%w: %q: %s\n  fix: remove it, or set XDG_RUNTIME_DIR to a directory of yours with mode 0700", ErrUnsafeDir, p.Run, why)
}
