package storage

import (
	"context"
	"fmt"
	"os"
	"path"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// copier copies one layer, or what overlay would show of several. A directory is
// the unit of work: whoever takes one copies its files and queues its
// directories. Names relative to the roots are resolved by the kernel, beneath
// the root and without links (openat2(2), Linux 5.6).
type copier struct {
	shifter *Shifter
	report  func(files, bytes int64)
	sources []int // layers, top first
	dst     int
	// stacked says that overlay will have what is made for a lower directory.
	stacked bool
	// keepMarks keeps what hides names in lower layers, for one layer by itself.
	// Else it takes effect.
	keepMarks bool
	// redirects are what the data of a source's files is referred to by, before
	// their paths there; none when files are copied.
	redirects []string
	noSync    bool

	mutex sync.Mutex
	more  sync.Cond
	queue []dirJob
	busy  int
	err   error
	dirs  []dirJob         // all, to be given owner and times in the end
	first map[inode]string // where a file with several links was copied to
	links []hardLink       // its other names
	notes map[string]bool
	files int64
	bytes int64

	noClone atomic.Bool // the file system does not clone
}

type inode struct{ dev, ino uint64 }

type hardLink struct{ to, name string }

// dirJob is a directory, and which of the sources have a part in it, top first.
type dirJob struct {
	path    string
	sources []int
}

// run copies the directories from, top first, into the empty directory to, and
// syncs.
func (c *copier) run(ctx context.Context, from []string, to string) error {
	root := dirJob{path: "."}
	for i, dir := range from {
		// The store's own path to a layer leads through a link.
		fd, err := openat(unix.AT_FDCWD, dir, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return &os.PathError{Op: "open", Path: dir, Err: err}
		}
		defer unix.Close(fd)
		c.sources, root.sources = append(c.sources, fd), append(root.sources, i)
	}
	var err error
	if c.dst, err = openat(unix.AT_FDCWD, to, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
		return &os.PathError{Op: "open", Path: to, Err: err}
	}
	defer unix.Close(c.dst)
	c.more.L = &c.mutex
	c.first, c.notes = map[inode]string{}, map[string]bool{}
	c.queue = []dirJob{root}
	workers := c.shifter.Workers
	if workers < 1 {
		workers = 2
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { c.work(ctx) })
	}
	all.Wait()
	if c.err == nil {
		c.err = c.finish()
	}
	if c.err == nil && !c.noSync {
		if c.err = unix.Syncfs(c.dst); c.err != nil {
			c.err = fmt.Errorf("syncfs: %w", c.err)
		}
	}
	c.report(c.files, c.bytes)
	return c.err
}

// work copies directories until there are none and nobody may queue more.
func (c *copier) work(ctx context.Context) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for {
		for len(c.queue) == 0 && c.busy > 0 && c.err == nil {
			c.more.Wait()
		}
		if c.err == nil {
			c.err = ctx.Err()
		}
		if len(c.queue) == 0 || c.err != nil {
			c.more.Broadcast()
			return
		}
		dir := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.dirs = append(c.dirs, dir)
		c.busy++
		c.mutex.Unlock()
		err := c.directory(ctx, dir)
		c.mutex.Lock()
		c.busy--
		if err != nil && c.err == nil {
			c.err = err
		}
		c.more.Broadcast()
	}
}

// beneath opens what a relative name stands for. Flags of O_CREAT take no mode:
// a new file is 0600.
func beneath(root int, name string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	for {
		fd, err := unix.Openat2(root, name, &how)
		// EAGAIN: a rename elsewhere at the same time, openat2(2).
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

func (c *copier) directory(ctx context.Context, d dirJob) error {
	dst, err := beneath(c.dst, d.path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return &os.PathError{Op: "open copy", Path: d.path, Err: err}
	}
	defer unix.Close(dst)
	parts := make([]int, 0, len(d.sources))
	defer func() { closeFDs(parts) }()
	for _, i := range d.sources {
		fd, err := beneath(c.sources[i], d.path, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return &os.PathError{Op: "open", Path: d.path, Err: err}
		}
		parts = append(parts, fd)
	}
	seen := map[string]bool{}
	for i, fd := range parts {
		names, err := names(fd, d.path)
		if err != nil {
			return err
		}
		for _, name := range names {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if i > 0 && seen[name] {
				continue
			}
			if len(parts) > 1 {
				seen[name] = true
			}
			in := place{dst: dst, parts: parts[i:], name: name, dirJob: dirJob{path.Join(d.path, name), d.sources[i:]}}
			if err := c.entry(in); err != nil {
				return fmt.Errorf("copy %q: %w", in.path, err)
			}
		}
	}
	return nil
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func names(dir int, path string) ([]string, error) {
	own, err := openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(own), path)
	defer f.Close()
	return f.Readdirnames(-1)
}

// place is one name: the first of parts, which are the open parent directories
// in the layers from the uppermost that has it, and the path and sources of it.
type place struct {
	dst   int
	parts []int
	name  string
	dirJob
}

// entry copies one name of a directory.
func (c *copier) entry(p place) error {
	src, dst, name, full := p.parts[0], p.dst, p.name, p.path
	var st unix.Stat_t
	if err := unix.Fstatat(src, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFDIR {
		if err := unix.Mkdirat(dst, name, 0o700); err != nil {
			return err
		}
		below, err := c.joined(p)
		if err != nil {
			return err
		}
		c.mutex.Lock()
		c.queue = append(c.queue, below)
		c.mutex.Unlock()
		c.more.Signal()
		return nil
	}
	if !c.keepMarks && isWhiteout(src, name, &st) {
		return nil
	}
	if st.Nlink > 1 && c.linked(&st, full) {
		return nil
	}
	var err error
	switch {
	case kind == unix.S_IFREG && len(c.redirects) > 0 && st.Size > copiedWhole:
		return c.reference(p, &st)
	case kind == unix.S_IFREG:
		return c.file(src, dst, name)
	case kind == unix.S_IFLNK:
		err = copyLink(src, dst, name)
	case kind == unix.S_IFIFO, kind == unix.S_IFSOCK, kind == unix.S_IFCHR && st.Rdev == 0:
		// Whiteouts are the only devices that mapped root may make (Linux 5.8).
		err = unix.Mknodat(dst, name, kind|0o600, 0)
	default:
		c.note(fmt.Sprintf("device %q was left out", full))
		return nil
	}
	if err != nil {
		return err
	}
	uid, gid, err := c.owner(&st)
	if err != nil {
		return err
	}
	if err := unix.Fchownat(dst, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if kind != unix.S_IFLNK {
		// Just made by us and of a kind that is no link.
		if err := unix.Fchmodat(dst, name, st.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	c.count(0)
	return setTimes(dst, name, &st)
}

// linked remembers a file of several names. Its first name is copied; the
// others are linked in the end, when the copy is there for sure.
func (c *copier) linked(st *unix.Stat_t, full string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	id := inode{st.Dev, st.Ino}
	to, known := c.first[id]
	if known {
		c.links = append(c.links, hardLink{to, full})
	} else {
		c.first[id] = full
	}
	return known
}

func copyLink(src, dst int, name string) error {
	target := make([]byte, maxPath)
	n, err := unix.Readlinkat(src, name, target)
	if err != nil {
		return err
	}
	return unix.Symlinkat(string(target[:n]), dst, name)
}

func setTimes(dir int, name string, st *unix.Stat_t) error {
	return unix.UtimesNanoAt(dir, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// count adds a file, and reports now and then.
func (c *copier) count(bytes int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.files++
	before := c.bytes
	c.bytes += bytes
	if c.files%500 == 0 || before>>23 != c.bytes>>23 {
		c.report(c.files, c.bytes)
	}
}

func (c *copier) note(text string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.shifter.Note != nil && !c.notes[text] {
		c.shifter.Note(text)
	}
	c.notes[text] = true
}
