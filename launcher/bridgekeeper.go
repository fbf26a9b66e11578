package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/cgroup"
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
	// Whoever ends a session or a unit with a signal does not end the containers of
	// others with it. With the last of them this ends by itself.
	signal.Ignore(unix.SIGTERM, unix.SIGHUP, unix.SIGINT)
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
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{
		Dir: "/", Env: []string{"GOMAXPROCS=1"}, Files: []uintptr{null.Fd(), saying.Fd(), null.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	saying.Close()
	if err != nil {
		return fmt.Errorf("cannot start what keeps forwarding on: %w", err)
	}
	ownScope(pid)
	text, err := io.ReadAll(io.LimitReader(said, 4<<10))
	if err == nil && len(text) > 0 {
		err = errors.New(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return fmt.Errorf("cannot switch forwarding on: %w", err)
	}
	return nil
}

// scopeWait bounds how long systemd may take to make a scope.
const scopeWait = 5 * time.Second

// ownScope takes the process out of the caller's unit, at whose end systemd would kill
// it (systemd.kill(5)) while others need it. Without systemd nobody does that, and when
// it fails the next launch puts right what is left.
func ownScope(pid int) {
	h := cgroup.Find(cgroup.Real())
	if h.Way != cgroup.Systemd {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scopeWait)
	defer cancel()
	_ = askForGroup(ctx, keeperScope(h, pid))
}

func keeperScope(h *cgroup.Host, pid int) cgroup.Order {
	return cgroup.Order{Scope: &cgroup.Scope{
		Bus: h.Bus, Name: fmt.Sprintf("%s-%d.scope", KeeperName, pid), PID: pid, Description: "Forwarding for " + bridge.Device,
	}}
}
