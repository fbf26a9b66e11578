package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

var (
	// ErrNoContainer says that no container has that name or id.
	ErrNoContainer = errors.New("no such container")
	// ErrAmbiguous says that several ids begin like that.
	ErrAmbiguous = errors.New("ambiguous container id")
	// ErrNameInUse says that another container has the name.
	ErrNameInUse = errors.New("container name is in use")
	// ErrRunning says that somebody holds the container's lock.
	ErrRunning = errors.New("container is running")
)

// Containers is the directory of all containers of one user. Any number of
// processes may use it at once; the value itself holds nothing.
//
//	containers/<id>/   kept until removed
//	scratch/<id>/      throw-away (--rm): garbage as soon as its lock is free
//	trash/<id>/        removed, to be deleted
//	names/<name>       another name of the container's lock file
//	mnt/               an empty directory that every supervisor mounts on, in
//	                   its own mount namespace
//
// In containers and scratch a name that begins with a dot is a directory which
// is being made or removed, or was left so by a crash.
type Containers struct {
	Data string // [Paths.Data]
}

const (
	keptDir    = "containers"
	scratchDir = "scratch"
	trashDir   = "trash"
	namesDir   = "names"
	mountDir   = "mnt"

	newPrefix  = ".new-"  // being made
	gonePrefix = ".gone-" // being removed
)

// Dir is one container's directory, mode 0700: facts, and beside them the lock,
// and upper and work of the overlay. It is made of as few files as possible: a
// new inode costs 10 µs to 600 µs, depending on the file system.
type Dir struct {
	ID   string
	Name string
	Path string
	Keep bool // false: throw-away

	// Lock is the container's life: it is alive as long as a copy of this
	// descriptor is open anywhere. Create and Acquire set it; the caller hands
	// it to the supervisor and closes its own copy.
	Lock *os.File
}

// Upper is the overlay's writable layer. Its owner and mode are what the
// container sees of its own "/".
func (d *Dir) Upper() string { return filepath.Join(d.Path, upperDir) }

// Work is the overlay's work directory, on the same file system as Upper.
func (d *Dir) Work() string { return filepath.Join(d.Path, workDir) }

// Root is an empty directory to mount the root file system on, the same one for
// all containers: nobody mounts but in a mount namespace of their own.
func (d *Dir) Root() string {
	return filepath.Join(filepath.Dir(filepath.Dir(d.Path)), mountDir)
}

// Params says what container to make.
type Params struct {
	ID    string // from [NewID]; empty: one is made
	Name  string // empty: a random one
	Keep  bool   // kept after its end; false: --rm
	Facts []Fact // there from the first moment anybody can see the container
}

// Create makes a container's directory, locked, and reserves its name. What it
// costs does not depend on how many containers there are. Nothing is synced:
// call [Dir.Sync] when the launch no longer waits.
//
// Errors: [ErrNameInUse], [ErrBadName], [ErrBadFact].
func (c Containers) Create(p Params) (*Dir, error) {
	if p.Name != "" {
		if err := CheckName(p.Name); err != nil {
			return nil, err
		}
	}
	if p.ID == "" {
		id, err := NewID()
		if err != nil {
			return nil, err
		}
		p.ID = id
	}
	if !ValidID(p.ID) {
		return nil, fmt.Errorf("container id %.80q is not %d hexadecimal digits", p.ID, idLength)
	}
	d, err := c.publish(p)
	if err != nil {
		return nil, fmt.Errorf("cannot make a container directory: %w", err)
	}
	if err := c.giveName(d, p.Name); err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

// publish makes the whole directory under a name that begins with a dot, and
// renames it: whoever sees it sees it locked. Meanwhile it holds a shared lock on
// the parent, for between mkdir and lock nothing else tells the new directory
// from garbage; sweepers look at those names only when nobody holds that lock.
func (c Containers) publish(p Params) (*Dir, error) {
	parent := filepath.Join(c.Data, scratchDir)
	if p.Keep {
		parent = filepath.Join(c.Data, keptDir)
	}
	making, err := lockDir(parent, unix.LOCK_SH)
	if errors.Is(err, unix.ENOENT) { // the first container of this user
		if err = c.makeParents(); err == nil {
			making, err = lockDir(parent, unix.LOCK_SH)
		}
	}
	if err != nil {
		return nil, err
	}
	defer making.Close()
	d := &Dir{ID: p.ID, Path: filepath.Join(parent, newPrefix+p.ID), Keep: p.Keep}
	final := filepath.Join(parent, p.ID)
	_ = unix.Mkdir(d.Root(), 0o755) // it is there, but somebody may have tidied up
	if err := unix.Mkdir(d.Path, 0o700); err != nil {
		return nil, &os.PathError{Op: "mkdir", Path: d.Path, Err: err}
	}
	if err = d.fill(p); err == nil {
		err = unix.Rename(d.Path, final)
	}
	if err != nil {
		d.discard()
		return nil, &os.PathError{Op: "create", Path: final, Err: err}
	}
	d.Path = final
	return d, nil
}

// fill makes what a new directory holds.
func (d *Dir) fill(p Params) error {
	var err error
	if d.Lock, err = openLock(filepath.Join(d.Path, lockFile), true); err != nil {
		return err
	}
	if mine, err := tryLock(d.Lock, unix.F_WRLCK); err != nil || !mine {
		return errors.Join(err, ErrRunning)
	}
	for _, dir := range []string{d.Upper(), d.Work()} {
		if err := unix.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	// Whatever the umask: this is the mode of the container's "/".
	if err := unix.Chmod(d.Upper(), 0o755); err != nil {
		return err
	}
	for _, fact := range p.Facts {
		if err := checkFact(fact.Name); err != nil {
			return err
		}
		if err := writeFact(d.Path, fact.Name, fact.Data, false); err != nil {
			return err
		}
	}
	return nil
}

// makeParents makes the parents of containers last: another process that finds
// them there relies on the others.
func (c Containers) makeParents() error {
	for _, dir := range []string{mountDir, trashDir, namesDir, scratchDir, keptDir} {
		if err := os.MkdirAll(filepath.Join(c.Data, dir), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// discard undoes what Create has made so far. It runs before any process could
// write there, so it needs no other rights than the user's.
func (d *Dir) discard() {
	os.RemoveAll(d.Path)
	d.release()
}

func (d *Dir) release() {
	if d.Lock != nil {
		d.Lock.Close()
		d.Lock = nil
	}
}

// Sync makes a kept container's facts durable (power cut). It is for after the
// start: it may take milliseconds. Throw-away containers have nothing to keep.
func (d *Dir) Sync() error {
	if !d.Keep {
		return nil
	}
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || checkFact(entry.Name()) != nil {
			continue
		}
		if err := syncDir(filepath.Join(d.Path, entry.Name())); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return errors.Join(syncDir(d.Path), syncDir(filepath.Dir(d.Path)))
}

// Alive asks whether somebody holds the container's lock.
func (d *Dir) Alive() (bool, error) {
	f, err := openLock(filepath.Join(d.Path, lockFile), false)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	held, err := locked(f)
	// Between open and asking, the directory may have gone to the trash, where
	// whoever deletes it holds the lock.
	return held && sameFile(f, f.Name()), err
}

// Gone tells that a container was removed after it was looked up. What could not
// be read of it then is not damage.
func (d *Dir) Gone() bool {
	return unix.Access(filepath.Join(d.Path, lockFile), unix.F_OK) == unix.ENOENT
}

// Acquire takes the lock of a stopped container, to start or to remove it.
// Errors: [ErrRunning], [ErrInUse], [ErrNoContainer] when it was removed meanwhile.
func (d *Dir) Acquire() error {
	f, err := openLock(filepath.Join(d.Path, lockFile), false)
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: %s", ErrNoContainer, d.label())
	}
	if err != nil {
		return err
	}
	mine, err := tryLock(f, unix.F_WRLCK)
	if err == nil && !mine {
		err = fmt.Errorf("%w: %s", ErrRunning, d.label())
		if alive, lerr := locked(f); lerr == nil && !alive {
			err = fmt.Errorf("%w: %s", ErrInUse, d.label())
		}
	}
	if err == nil && !sameFile(f, filepath.Join(d.Path, lockFile)) {
		err = fmt.Errorf("%w: %s", ErrNoContainer, d.label())
	}
	if err != nil {
		f.Close()
		return err
	}
	d.Lock = f
	return nil
}

// sameFile tells whether the path still names the open file.
func sameFile(f *os.File, path string) bool {
	var open, named unix.Stat_t
	return unix.Fstat(int(f.Fd()), &open) == nil && unix.Lstat(path, &named) == nil &&
		open.Dev == named.Dev && open.Ino == named.Ino
}

// label is how a message names the container.
func (d *Dir) label() string {
	if d.Name != "" {
		return fmt.Sprintf("%q", d.Name)
	}
	return d.ID[:12]
}
