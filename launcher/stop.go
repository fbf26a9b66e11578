package launcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/pause"
	"coracle/storage"
	"coracle/storage/volume"
	"coracle/userns"
)

// Containers are the user's containers, as commands that change them see them.
type Containers struct {
	containers.Set
	run   string
	grant userns.Grant
}

// ErrNotRunning says that a container is there and does not run.
var ErrNotRunning = errors.New("container is not running")

// VolumePath is where a volume's files are, empty if there is no such volume.
func (c *Containers) VolumePath(name string) string {
	v, err := volume.Store{Data: c.Data}.Get(name)
	if err != nil {
		return ""
	}
	return v.Mountpoint()
}

// Supervisor is the pid of a running container's supervisor, or 0.
func (c *Containers) Supervisor(x *containers.Container) int {
	client, err := dial(c.run, x.ID)
	if err != nil {
		return 0
	}
	defer client.f.Close()
	peer, err := unix.GetsockoptUcred(int(client.f.Fd()), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0
	}
	return int(peer.Pid)
}

// OpenContainers finds the user's containers.
func OpenContainers(ctx context.Context) (*Containers, error) {
	l, err := newLaunch(ctx)
	if err != nil {
		return nil, err
	}
	return &Containers{Set: containers.Set{Containers: storage.Containers{Data: l.paths.Data}}, run: l.paths.Run, grant: l.grant}, nil
}

// Running finds a container and makes sure that it runs. Errors:
// storage.ErrNoContainer, [ErrNotRunning].
func (c *Containers) Running(name string) (*containers.Container, error) {
	x, err := c.settled(name)
	if err == nil && x.Status() == containers.Restarting {
		return x, fmt.Errorf("%w: %s\n  fix: wait until it runs, or coracle stop %s", ErrRestarting, name, name)
	}
	if err == nil && (!x.Running || x.PID == 0) {
		err = fmt.Errorf("%w: %s\n  fix: coracle start %s", ErrNotRunning, name, name)
	}
	return x, err
}

// settled finds a container that is neither starting nor about to be gone.
func (c *Containers) settled(name string) (*containers.Container, error) {
	x, err := c.Find(name)
	if err != nil || !x.Running || x.PID != 0 {
		return x, err
	}
	if err := settle(x.Dir); err != nil {
		return nil, err
	}
	return c.Find(name)
}

// Signal sends a signal to a container's first process.
func (c *Containers) Signal(x *containers.Container, sig unix.Signal) error {
	if sig == unix.SIGCONT && x.Paused {
		return pause.Refuse(x.Name) // its first process alone would go on
	}
	pidfd, err := unix.PidfdOpen(x.PID, 0)
	if err != nil {
		return fmt.Errorf("container %s: %w", x.Name, ErrNotRunning)
	}
	defer unix.Close(pidfd)
	if containers.StartTime(x.PID) != x.Start {
		return fmt.Errorf("container %s: %w", x.Name, ErrNotRunning)
	}
	if err := askStop(x, sig); err != nil {
		return err
	}
	if err := unix.PidfdSendSignal(pidfd, sig, nil, 0); err != nil && err != unix.ESRCH {
		return fmt.Errorf("cannot signal container %s: %w", x.Name, err)
	}
	went, err := deliver(x, sig)
	if went && x.Paused {
		x.Paused = false // tell of it once
		c.Event(x, events.Unpause, nil)
	}
	return err
}

// Stop asks a container to stop, by the signal it was created with, kills it
// after timeout (negative: never) and returns when it is over. timeout nil is
// the container's own. A container that does not run is no error, as in docker.
func (c *Containers) Stop(ctx context.Context, name string, timeout *time.Duration) (err error) {
	x, err := c.settled(name)
	if err != nil || !x.Running || x.PID == 0 && !x.Restarts.Waiting {
		return err
	}
	defer func() {
		if err == nil {
			c.Event(x, events.Stop, nil)
		}
	}()
	sig, wait := unix.Signal(x.Intent.StopSignal), time.Duration(x.Intent.StopTimeout*float64(time.Second))
	if sig == 0 { // it is so new that its record is not there
		sig, wait = unix.SIGTERM, 10*time.Second
	}
	if timeout != nil {
		wait = *timeout
	}
	if wait != 0 {
		if ended, err := c.end(ctx, x, sig, wait); ended || err != nil {
			return err
		}
	}
	ended, err := c.end(ctx, x, unix.SIGKILL, killWait)
	if err == nil && !ended {
		err = fmt.Errorf("container %s did not end within %v of SIGKILL", x.Name, killWait)
	}
	return err
}

func ignoreNotRunning(err error) error {
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}

// gone waits until the container's lock is free; a negative time is for ever.
func (c *Containers) gone(ctx context.Context, x *containers.Container, wait time.Duration) (bool, error) {
	var limit <-chan time.Time
	if wait >= 0 {
		limit = time.After(wait)
	}
	// The end of the first process is told by the kernel; what follows it takes a moment.
	ended := make(chan struct{})
	go func() { awaitProcess(x.PID, x.Start); close(ended) }()
	select {
	case <-ended:
	case <-limit:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
	for deadline := time.Now().Add(settleWait); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if alive, err := x.Alive(); err != nil || !alive {
			return true, err
		}
		if another(x) {
			return false, nil
		}
	}
	return false, nil
}

// awaitProcess returns when the process has ended.
func awaitProcess(pid int, start string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if containers.StartTime(pid) != start {
		return
	}
	_ = retry(func() error { _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); return err })
}

// Wait returns the exit status of a container when it has ended.
func (c *Containers) Wait(ctx context.Context, name string) (int, error) {
	x, err := c.settled(name)
	if err != nil {
		return 0, err
	}
	if x.Running && (x.PID != 0 || x.Restarts.Waiting) {
		if client, err := dial(c.run, x.ID); err == nil {
			defer client.f.Close()
			if err := client.send(msgWait, []byte{controlVersion}); err == nil {
				if k, payload, _, err := client.receive(); err == nil && k == msgExited && len(payload) == 1 {
					return int(payload[0]), nil
				}
			}
		}
		if _, err := c.gone(ctx, x, -1); err != nil {
			return 0, err
		}
	}
	if x.Running { // it was
		if x, err = c.Find(x.ID); err != nil {
			return 0, err
		}
	}
	if x.Exit != nil {
		return x.Exit.Status, nil
	}
	return 0, nil // it never ran, docker says 0
}
