package launcher

import (
	"os"

	"golang.org/x/sys/unix"
)

// openBase opens the base namespace to launch in, or returns nil for a new one. Two
// may be alive at once: of launches at the same time, or while the first one's
// hint is not there yet. Only the one that is above the namespaces to be shared
// gives power over them.
func (l *launch) openBase() *os.File {
	for _, shared := range l.joins {
		owner, err := unix.IoctlRetInt(int(shared.Fd()), unix.NS_GET_USERNS)
		if err != nil {
			continue
		}
		if f, err := above(os.NewFile(uintptr(owner), "user namespace"), ""); err == nil {
			return f
		}
	}
	if f := l.networkBase(); f != nil {
		return f
	}
	return openBase(l.paths.Run, l.grant)
}
