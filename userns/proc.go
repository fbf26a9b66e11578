package userns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// procfs is a descriptor (O_PATH) of a /proc that was checked to be one. Every
// file is opened beneath it without crossing a mount, so that neither a false
// /proc nor something mounted over one of its files is read or written
// (CVE-2019-16884, CVE-2025-52881).
type procfs int

// openProc opens and checks /proc. The error is [ErrNotProcfs].
func openProc() (procfs, error) { return openProcAt("/proc") }

func openProcAt(path string) (procfs, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return -1, fmt.Errorf("%w: open %s: %w", ErrNotProcfs, path, err)
	}
	var st unix.Statfs_t
	if _, err = retry(func() (int, error) { return 0, unix.Fstatfs(fd, &st) }); err == nil && int64(st.Type) != unix.PROC_SUPER_MAGIC {
		err = errors.New("another file system is mounted there")
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%w: %s: %w", ErrNotProcfs, path, err)
	}
	return procfs(fd), nil
}

func (p procfs) close() { unix.Close(int(p)) }

// open opens name beneath the descriptor (openat2(2), Linux 5.6). Ordinary
// links, as self is, are followed; links such as exe or cwd are not.
func (p procfs) open(name string, flags int) (int, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat2(int(p), name, &unix.OpenHow{
			Flags:   uint64(flags | unix.O_CLOEXEC),
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
		})
	})
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: "/proc/" + name, Err: err}
	}
	return fd, nil
}

func (p procfs) read(name string) ([]byte, error) {
	fd, err := p.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text, err := readAll(fd, maxFile)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: "/proc/" + name, Err: err}
	}
	return text, nil
}

// write writes text in one call: the kernel takes a map once and whole.
func (p procfs) write(name string, text []byte) error {
	fd, err := p.open(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err = retry(func() (int, error) { return unix.Write(fd, text) }); err != nil {
		return &fs.PathError{Op: "write", Path: "/proc/" + name, Err: err}
	}
	return nil
}

// idMap reads uid_map or gid_map of a process, "self" or a pid.
func (p procfs) idMap(process, name string) (IDMap, error) {
	text, err := p.read(process + "/" + name)
	if err != nil {
		return nil, err
	}
	m, err := ParseIDMap(text)
	if err != nil {
		return nil, fmt.Errorf("/proc/%s/%s: %w", process, name, err)
	}
	return m, nil
}

// samePids checks that the pids of this /proc are those of this process: after
// unshare --pid without a new /proc another process answers to our number.
func (p procfs) samePids() error {
	var buf [16]byte
	n, err := retry(func() (int, error) { return unix.Readlinkat(int(p), "self", buf[:]) })
	if err != nil {
		return fmt.Errorf("%w: readlink /proc/self: %w", ErrNotProcfs, err)
	}
	if string(buf[:n]) != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("%w: it shows the pids of another pid namespace\n  fix: mount -t proc proc /proc", ErrNotProcfs)
	}
	return nil
}
