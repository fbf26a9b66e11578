package doctor

import (
	"context"
	"io/fs"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"coracle/userns"
)

// Host is the outside world: every fact a check uses comes through one of
// these. [RealHost] fills all of them; a test replaces the ones it is about.
type Host struct {
	UID, GID int // effective, as this process sees them

	Getenv     func(name string) string
	Executable func() string                                // this program's path, "" when unknown
	ReadFile   func(path string) ([]byte, error)            // small files of /proc, /sys and /etc
	Stat       func(path string) (File, error)              // follows symlinks
	Statfs     func(path string) (FileSystem, error)        // statfs(2)
	Xattr      func(path, name string) ([]byte, error)      // getxattr(2)
	LookPath   func(name string) (string, error)            // PATH, then the sbin directories
	Release    func() string                                // uname -r
	NoNewPrivs func() bool                                  // PR_GET_NO_NEW_PRIVS of this process
	Open       func(path string) error                      // open for reading and writing, and close
	Writable   func(path string) bool                       // access(2) W_OK with the effective ids
	Mkdir      func(path string) error                      // make a directory and remove it again
	Scratch    func(dir string) (string, func(), error)     // a new empty directory in dir and its removal
	Connect    func(path string) error                      // connect to a Unix socket, and close
	Lookup     func(context.Context) (userns.Grant, error)  // which ids may be mapped
	Try        func(context.Context, Trial) ([]Step, error) // run a probe in a child
	// PodmanVersion is what podman says of itself, "" when there is none.
	PodmanVersion func(context.Context) string
	Maps          func(context.Context, userns.Grant) error // write the grant's maps into a child's user namespace
}

// File is what stat(2) tells of a file.
type File struct {
	Mode fs.FileMode
	UID  int
}

// FileSystem is what statfs(2) tells of a mounted file system.
type FileSystem struct {
	Type  int64  // f_type, a *_MAGIC number of linux/magic.h
	Free  uint64 // bytes an unprivileged user may still write
	Flags int64  // ST_NOSUID and others
}

// RealHost returns the host this process runs on.
func RealHost() *Host {
	return &Host{
		UID:        os.Geteuid(),
		GID:        os.Getegid(),
		Getenv:     os.Getenv,
		Executable: executable,
		ReadFile:   os.ReadFile,
		Stat:       stat,
		Statfs:     statfs,
		Xattr:      xattr,
		LookPath:   lookPath,
		Release:    release,
		NoNewPrivs: noNewPrivs,
		Open:       tryOpen,
		Writable: func(path string) bool {
			return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS) == nil
		},
		Mkdir:         tryMkdir,
		Scratch:       scratch,
		Connect:       connect,
		Lookup:        userns.Lookup,
		Try:           try,
		Maps:          tryMaps,
		PodmanVersion: podmanVersion,
	}
}

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

func stat(path string) (File, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return File{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	fi, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	return File{Mode: fi.Mode(), UID: int(st.Uid)}, nil
}

func statfs(path string) (FileSystem, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return FileSystem{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return FileSystem{Type: int64(st.Type), Free: st.Bavail * uint64(st.Bsize), Flags: int64(st.Flags)}, nil
}

// xattrLimit is more than the 24 bytes of the largest security.capability.
const xattrLimit = 256

func xattr(path, name string) ([]byte, error) {
	buf := make([]byte, xattrLimit)
	n, err := unix.Getxattr(path, name, buf)
	if err != nil {
		return nil, &fs.PathError{Op: "getxattr " + name, Path: path, Err: err}
	}
	return buf[:n], nil
}

// lookPath looks where an unprivileged user's PATH often does not: some
// distributions keep newuidmap in sbin.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/bin/", "/usr/sbin/", "/sbin/"} {
		if fi, statErr := os.Stat(dir + name); statErr == nil && fi.Mode().IsRegular() {
			return dir + name, nil
		}
	}
	return "", err
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func noNewPrivs() bool {
	on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return err == nil && on == 1
}

func tryOpen(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return unix.Close(fd)
}

func tryMkdir(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	return os.Remove(path)
}

// connect does without package net, which would cost every start of a program
// that links this one. A non-blocking connect to a Unix socket never waits: a
// full queue is EAGAIN, and somebody is listening then.
func connect(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	if err != nil && err != unix.EAGAIN {
		return &fs.PathError{Op: "connect", Path: path, Err: err}
	}
	return nil
}
