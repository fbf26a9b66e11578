package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The oldest kernel that can do what a launch does: mount_setattr(2) came with
// 5.12, overlay in a user namespace with 5.11, openat2(2) with 5.6.
const oldestMajor, oldestMinor = 5, 12

func kernel(_ context.Context, e *exam) finding {
	release := e.Release()
	major, minor, ok := parseRelease(release)
	switch {
	case !ok:
		return weak(fmt.Sprintf("release %q cannot be read as a version", release), "")
	case major < oldestMajor || major == oldestMajor && minor < oldestMinor:
		return lacks(fmt.Sprintf("%s is older than %d.%d", release, oldestMajor, oldestMinor), "install a newer kernel and reboot (Debian 11: sudo apt install -t bullseye-backports linux-image-amd64)")
	}
	return works(fmt.Sprintf("%s (%d.%d or later is needed)", release, oldestMajor, oldestMinor))
}

// parseRelease reads the first two numbers of a uname(2) release such as
// "6.1.0-13-amd64" or "5.12-rc1".
func parseRelease(s string) (major, minor int, ok bool) {
	head, rest, found := strings.Cut(s, ".")
	if !found {
		return 0, 0, false
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	a, errA := strconv.ParseUint(head, 10, 16)
	b, errB := strconv.ParseUint(rest[:end], 10, 16)
	return int(a), int(b), errA == nil && errB == nil
}

func systemCalls(ctx context.Context, e *exam) finding {
	got := e.probe(ctx, Trial{Name: "calls"})
	var bad, good []string
	for _, name := range []string{"clone3", "openat2", "mount_setattr", "open_tree", "move_mount", "pidfd_open", "close_range", "memfd_create", "seals"} {
		if s := got.step(name); s.Err != 0 {
			bad = append(bad, name+" ("+unix.ErrnoName(s.Err)+")")
		} else {
			good = append(good, name)
		}
	}
	if bad != nil {
		return lacks("missing: "+strings.Join(bad, ", "),
			"an outer container's filter hides calls a 5.12 kernel has: start the outer one with a newer runtime or --security-opt seccomp=unconfined")
	}
	return works(strings.Join(good, ", "))
}

func seccomp(ctx context.Context, e *exam) finding {
	got := e.probe(ctx, Trial{Name: "seccomp"})
	if s := got.step("filter"); s.Err != 0 {
		return lacks("a filter cannot be attached: "+s.Err.Error(), "boot a kernel with CONFIG_SECCOMP_FILTER=y")
	}
	var absent []string
	for _, name := range []string{"errno", "kill_process", "log", "user_notif"} {
		if got.step(name).Err != 0 {
			absent = append(absent, name)
		}
	}
	if absent != nil {
		return weak("filters work, without the actions "+strings.Join(absent, ", "), "")
	}
	return works("filters can be attached")
}
