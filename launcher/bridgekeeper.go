package launcher

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge"
)

// KeeperName is the argv[0] under which the program forwards packets for the host's
// bridge as long as that is there, with the directory for run-time files as
// argument, and a second one when IPv6 is meant, too.
const KeeperName = "coracle-forward"

// KeepMain is that program. It says on its standard output why it could not, or
// nothing, and closes it.
func KeepMain(args []string) int {
	if len(args) == 0 {
		return ExitFailed
	}
	// A pipe of the user's must end when his command does.
	_ = unix.CloseRange(3, 1<<31-1, 0)
	k := bridge.Keeper{Dir: args[0], Six: len(args) > 1}
	err := k.Keep(func(err error) {
		if err != nil {
			fmt.Fprint(os.Stdout, err)
		}
		null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
		if err == nil {
			_ = unix.Dup3(int(null.Fd()), 1, 0)
			null.Close()
		}
	})
	if err != nil {
		return ExitFailed
	}
	return 0
}

// startKeeper starts it, in a session of its own, and waits until packets are
// forwarded. Nobody waits for its end.
func startKeeper(k bridge.Keeper) error {
	path, file, err := self()
	if err != nil {
		return err
	}
	if file != nil {
		defer file.Close()
		path = fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	said, saying, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	args := []string{KeeperName, k.Dir}
	if k.Six {
		args = append(args, "6")
	}
	_, err = syscall.ForkExec(path, args, &syscall.ProcAttr{
		Dir: "/", Env: []string{"GOMAXPROCS=1"}, Files: []uintptr{null.Fd(), saying.Fd(), null.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	saying.Close()
	if err != nil {
		return fmt.Errorf("cannot start what keeps forwarding on: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(said, 4<<10))
	if err == nil && len(text) > 0 {
		err = errors.New(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return fmt.Errorf("cannot switch forwarding on: %w", err)
	}
	return nil
}
