// Package bundle holds the programs that travel inside bin/coracle, and hands
// them out as files that can be executed and not be changed.
//
// The programs are made before the one that carries them (see files/README). A
// build without them works, and says so when one is asked for.
package bundle

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Names of the programs.
const (
	Engine = "coracle-engine"
	Init   = "coracle-init"
)

// ErrNotBuilt says that this build does not carry the program.
var ErrNotBuilt = errors.New("program is not part of this build")

//go:embed all:files
var files embed.FS

// Open copies a program into memory and returns it, ready for execveat(2) or
// /proc/self/fd/N. The file is sealed: nobody, not even a container that runs
// it and opens its /proc/1/exe, can write to it (CVE-2019-5736). It is closed
// on exec. Errors: [ErrNotBuilt].
func Open(name string) (*os.File, error) {
	return open(files, name)
}

func open(files fs.FS, name string) (*os.File, error) {
	program, err := files.Open("files/" + name)
	if err != nil {
		return nil, fmt.Errorf("%w: built without %s\n  fix: make build", ErrNotBuilt, name)
	}
	defer program.Close()
	fd, err := memfd(name)
	if err != nil {
		return nil, fmt.Errorf("cannot make a file in memory for %s: memfd_create: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := fill(f, program); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot make a file in memory for %s: %w", name, err)
	}
	return f, nil
}

// memfd makes the file. Linux 6.3 wants to be told that it will be executed,
// where sysctl vm.memfd_noexec is set; older kernels do not know the flag.
func memfd(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, err
}

func fill(f *os.File, program io.Reader) error {
	// Large pieces: the engine has tens of megabytes. Struct: os.File would
	// read by its own, smaller ones.
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, program, make([]byte, 1<<20)); err != nil {
		return err
	}
	if err := f.Chmod(0o555); err != nil { // any container user may execute it
		return err
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}
