package rootfs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/holder"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/userns/tape"
)

// ErrNotMounted says that a container is not mounted in this mount namespace.
var ErrNotMounted = errors.New("the container is not mounted here")

// Mounts are the containers that are mounted in this process's mount namespace,
// that of `coracle unshare`. What is mounted /proc/self/mountinfo tells, and
// nothing else.
type Mounts struct {
	Run    string // storage.Paths.Run
	Holder string // address of package holder
	Opener *Opener
}

// Mounted is one mounted container.
type Mounted struct{ ID, Path string }

// mountsDir holds empty directories to mount on, named for containers.
const mountsDir = "mnt"

func (m Mounts) path(id string) string { return filepath.Join(m.Run, mountsDir, id) }

// List tells what is mounted.
func (m Mounts) List() ([]Mounted, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return m.parse(f)
}

// parse reads proc_pid_mountinfo(5), field 5.
func (m Mounts) parse(r io.Reader) ([]Mounted, error) {
	var all []Mounted
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		at := unescape(fields[4])
		if id := filepath.Base(at); storage.ValidID(id) && at == m.path(id) {
			all = append(all, Mounted{id, at})
		}
	}
	return all, lines.Err()
}

// unescape reads the octal escapes of blanks.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func (m Mounts) mounted(id string) (bool, error) {
	all, err := m.List()
	for _, at := range all {
		if at.ID == id {
			return true, nil
		}
	}
	return false, err
}

// Mount mounts a container's root file system, without its volumes, and returns
// where. One that is mounted already stays so.
func (m Mounts) Mount(ctx context.Context, name string) (string, error) {
	c, err := m.Opener.Set.Find(name)
	if err != nil {
		return "", err
	}
	at := m.path(c.ID)
	if there, err := m.mounted(c.ID); there || err != nil {
		return at, err
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return "", err
	}
	switch {
	case c.Running && c.PID > 0:
		err = m.live(c, at)
	case c.Running && elsewhere(c):
		err = fmt.Errorf("%w: %s\n  fix: leave this shell and start coracle unshare anew while no other container runs", ErrElsewhere, name)
	case c.Running:
		err = fmt.Errorf("%w, or is just starting or ending: %s", storage.ErrRunning, name)
	case c.Err != nil:
		err = c.Err
	default:
		err = m.still(ctx, c, at)
	}
	if err != nil {
		_ = os.Remove(at)
		return "", err
	}
	return at, nil
}

// still mounts a stopped container, which nobody can start or remove until it is
// unmounted: the holder keeps its locks.
func (m Mounts) still(ctx context.Context, c *containers.Container, at string) error {
	held, err := c.Hold(true)
	if err != nil {
		return err
	}
	defer held.Close()
	r, lock, err := m.Opener.Stack(ctx, c, true)
	if err != nil {
		return err
	}
	if lock != nil {
		defer lock.Close()
	}
	if r.Fuse != "" {
		return errors.New("the container's files are served by fuse-overlayfs, which would end with this command\n  fix: coracle cp, or coracle export")
	}
	r.Mount = at
	if err := holder.Hold(m.Holder, c.ID, held.Life, held.Upper, lock); err != nil {
		return err
	}
	if err := onThread(func() error { return stack(r) }); err != nil {
		_ = holder.Drop(m.Holder, c.ID)
		return err
	}
	return nil
}

func stack(r plan.Root) error {
	if len(r.Lower) == 0 {
		return unix.Mount(r.Dir, r.Mount, "", unix.MS_BIND, "")
	}
	// The plan changes the directory, which must be this thread's alone.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	p, err := plan.Mount(r)
	if err != nil {
		return err
	}
	if err := tape.Run(p.Host, tape.NewSlots()); err != nil {
		return fmt.Errorf("cannot mount the container's root file system: %w", err)
	}
	return nil
}

// live mounts a running container's root file system as its supervisor has it.
func (m Mounts) live(c *containers.Container, at string) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", containers.Parent(c.PID)))
	if err != nil {
		return errGone
	}
	defer ns.Close()
	if containers.StartTime(c.PID) != c.Start {
		return errGone
	}
	tree := -1
	if err := onThread(func() (err error) {
		// Only a thread that shares its directory with none may enter (setns(2)).
		if err = unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
			return err
		}
		tree, err = unix.OpenTree(unix.AT_FDCWD, c.Root(), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		return err
	}); err != nil {
		return fmt.Errorf("cannot reach the root of container %s: %w", c.ID[:12], err)
	}
	defer unix.Close(tree)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(tree, &fs); err != nil || fs.Type != unix.OVERLAYFS_SUPER_MAGIC && fs.Type != unix.FUSE_SUPER_MAGIC {
		return errors.New("a running container of --rootfs has no mount of its own\n  fix: use its directory")
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// onThread runs f on a thread that ends afterwards.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// Unmount unmounts a container and returns its id. With force it is taken away
// from who uses it, too. Errors: [ErrNotMounted].
func (m Mounts) Unmount(name string, force bool) (string, error) {
	id := name
	if c, err := m.Opener.Set.Find(name); err == nil {
		id = c.ID
	} else if !storage.ValidID(name) {
		return "", err
	}
	there, err := m.mounted(id)
	if err != nil {
		return "", err
	}
	if !there {
		return "", fmt.Errorf("%w: %s\n  fix: coracle mount   (lists what is)", ErrNotMounted, name)
	}
	flags := unix.UMOUNT_NOFOLLOW
	if force {
		flags |= unix.MNT_DETACH
	}
	if err := unix.Unmount(m.path(id), flags); err != nil {
		if errors.Is(err, unix.EBUSY) {
			return "", fmt.Errorf("container %s is in use where it is mounted: %w\n  fix: leave the directory, or coracle unmount --force %s", name, err, name)
		}
		return "", fmt.Errorf("cannot unmount container %s: %w", name, err)
	}
	_ = os.Remove(m.path(id))
	if err := holder.Drop(m.Holder, id); err != nil {
		return "", err
	}
	return id, nil
}
