package userns

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// system is what a lookup knows of the machine; tests make their own.
type system struct {
	etc        string // the directory /etc
	uid, gid   uint32 // effective
	caps       uint64 // effective capabilities, bit n is capability n
	uids, gids IDMap  // the maps of the namespace we are in
	run        runner
	find       func(program string) (string, error)
	unreadable []error // files that exist and could not be read
}

// thisSystem looks at the machine this process runs on.
func thisSystem() (*system, error) {
	s := &system{
		etc:  "/etc",
		uid:  uint32(os.Geteuid()),
		gid:  uint32(os.Getegid()),
		caps: effectiveCaps(),
		run:  runProgram,
		find: findProgram,
	}
	proc, err := openProc()
	if err != nil {
		return nil, err
	}
	defer proc.close()
	if s.uids, err = proc.idMap("self", "uid_map"); err != nil {
		return nil, err
	}
	if s.gids, err = proc.idMap("self", "gid_map"); err != nil {
		return nil, err
	}
	return s, nil
}

// effectiveCaps returns the effective capabilities of this thread, none if the
// kernel does not tell.
func effectiveCaps() uint64 {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil {
		return 0
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective)
}

// file reads a file below /etc. One that cannot be read is as good as empty,
// and is named in the note of a single grant.
func (s *system) file(name string) []byte {
	text, err := readFile(filepath.Join(s.etc, name))
	if err != nil {
		s.unreadable = append(s.unreadable, err)
	}
	return text
}

// user is the calling user's name, if known, and whether /etc/passwd has it.
type user struct {
	name  string
	local bool
	id    uint32
}

func (u *user) String() string {
	if u.name != "" {
		return u.name
	}
	return strconv.FormatUint(uint64(u.id), 10)
}

func (s *system) whoAmI() *user {
	name := userName(s.file("passwd"), s.uid)
	return &user{name: name, local: name != "", id: s.uid}
}

// askName asks the name services for the user's name through id(1); without
// cgo there is no other way to them. Only users whose ranges were not found by
// number pay for it.
func (s *system) askName(ctx context.Context, u *user) {
	out, err := s.run(ctx, "id", "-un")
	if name := bytes.TrimSpace(out); err == nil && plainName(name) {
		u.name = string(name)
	}
}

// fileError returns the error of a file that exists and could not be read.
func (s *system) fileError() error { return errors.Join(s.unreadable...) }
