package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// asOther measures as a user of its own, made and removed here.
func asOther(ctx context.Context, o options, out io.Writer) error {
	a, err := openAccount(accountName)
	if err != nil {
		return err
	}
	return errors.Join(a.measure(ctx, o, out), a.close())
}

// measure starts this program again as the user, on copies of the programs: the
// user may not be able to read where they are.
func (a *account) measure(ctx context.Context, o options, out io.Writer) error {
	bin := filepath.Join(a.home, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	if err := copyProgram(o.Coracle, filepath.Join(bin, "coracle")); err != nil {
		return err
	}
	if err := copyProgram("/proc/self/exe", filepath.Join(bin, "coracle-bench")); err != nil {
		return err
	}
	o.Coracle = filepath.Join(bin, "coracle")
	if o.Storage {
		if err := a.takeImage(ctx, &o); err != nil {
			return err
		}
	}
	run := filepath.Join(a.home, "run")
	if err := os.Mkdir(run, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := os.Chown(run, a.uid, a.gid); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "coracle-bench"))
	cmd.Args = append([]string{workerName}, o.args()...)
	cmd.Dir = a.home
	cmd.Env = []string{"HOME=" + a.home, "XDG_RUNTIME_DIR=" + run, "PATH=" + searchPath}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: []uint32{uint32(a.gid)}},
		Pdeathsig:  unix.SIGKILL,
	}
	var exit *exec.ExitError
	if err := a.runPrivately(cmd, run); errors.As(err, &exit) {
		return errReported
	} else if err != nil {
		return fmt.Errorf("cannot measure as %s: %w", a.name, err)
	}
	return nil
}

// takeImage makes the image as root, whose cache outlives the user, and gives the
// user a copy.
func (a *account) takeImage(ctx context.Context, o *options) (err error) {
	from := o.Layout
	if from == "" {
		if from, err = debianImage(ctx); err != nil {
			return err
		}
	}
	o.Layout = filepath.Join(a.home, "layout")
	return os.CopyFS(o.Layout, os.DirFS(from))
}

// runPrivately runs cmd in a mount namespace of its own, from a thread that ends
// with it: no other thread of this process sees those mounts.
func (a *account) runPrivately(cmd *exec.Cmd, run string) error {
	result := make(chan error)
	go onLostThread(func() {
		err := unix.Unshare(unix.CLONE_NEWNS)
		if err == nil {
			err = a.mounts(run)
		}
		if err == nil {
			err = cmd.Run()
		}
		result <- err
	})
	return <-result
}

// onLostThread runs f on a thread that ends with the calling goroutine. The
// process's first thread does not end, and is what /proc/self shows: it is kept
// busy while another one is found.
func onLostThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		f()
		return // locked: the thread ends
	}
	defer runtime.UnlockOSThread()
	done := make(chan struct{})
	go func() {
		defer close(done)
		onLostThread(f)
	}()
	<-done
}

func (a *account) mounts(run string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	// Both are as on a desktop with systemd. Where they fail, as in a container,
	// the benchmark goes on: podman may then refuse to run, and the table says so.
	_ = unix.Mount("tmpfs", run, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=0700,uid=%d,gid=%d", a.uid, a.gid))
	if !isCgroup2() {
		_ = unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	return nil
}

func isCgroup2() bool {
	var st unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &st) == nil && int64(st.Type) == unix.CGROUP2_SUPER_MAGIC
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_ = os.Remove(to)
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(0o755), out.Close())
}
