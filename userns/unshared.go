package userns

import (
	"errors"
	"os"
)

// UnshareEnv is "1" in the shell of `coracle unshare`.
const UnshareEnv = "CORACLE_UNSHARE"

// ErrNotUnshared says that the environment claims to be that shell's, and is not.
var ErrNotUnshared = errors.New("CORACLE_UNSHARE is set, but this is not the user namespace of coracle unshare\n  fix: unset CORACLE_UNSHARE")

// Base is a base user namespace from inside: who the user is outside of it, and
// its maps, from base ids to host ids.
type Base struct {
	UID, GID   int
	UIDs, GIDs IDMap
}

// Unshared tells whether this process is mapped root of a base user namespace, as
// the commands in the shell of `coracle unshare` are. The environment says that it
// may be, the kernel that it is: base id 0 stands alone in the maps. Errors:
// [ErrNotUnshared], [ErrNotProcfs].
func Unshared(getenv func(string) string) (b Base, ok bool, err error) {
	if getenv(UnshareEnv) != "1" {
		return b, false, nil
	}
	proc, err := openProc()
	if err != nil {
		return b, false, err
	}
	defer proc.close()
	if b.UIDs, err = proc.idMap("self", "uid_map"); err == nil {
		b.GIDs, err = proc.idMap("self", "gid_map")
	}
	if err != nil {
		return b, false, err
	}
	var okU, okG bool
	b.UID, okU = rootAlone(b.UIDs)
	b.GID, okG = rootAlone(b.GIDs)
	if os.Geteuid() != 0 || !okU || !okG {
		return Base{}, false, ErrNotUnshared
	}
	return b, true, nil
}

// rootAlone tells what id 0 is outside, if it has an extent of its own.
func rootAlone(m IDMap) (int, bool) {
	for _, e := range m {
		if e.Inside == 0 {
			return int(e.Outside), e.Size == 1
		}
	}
	return 0, false
}
