package containerfs

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ExportVolume writes a directory and what is in it as a tar in PAX form from
// which [ImportVolume] makes the same again: with owners as this process sees them,
// times to the nanosecond and access lists. Sockets and what is mounted below are
// left out. Names come in order, so that the same content gives the same bytes.
// changed is called as [Archive.Changed].
func ExportVolume(ctx context.Context, dir int, w io.Writer, changed func(name string)) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	out := bufio.NewWriterSize(w, 256<<10)
	a := NewArchive(out)
	a.Exact, a.Changed = true, changed
	t := Tree{Sink: a, OneMount: true, Raw: true}
	// The directory itself, since its owner and mode matter, and what is in it
	// without "./" before each name.
	top, err := t.header(dir, &st, ".")
	if err == nil {
		err = a.Add(top, nil)
	}
	if err == nil {
		err = t.Walk(ctx, dir, "")
	}
	if err == nil {
		err = a.Close()
	}
	if err == nil {
		err = out.Flush()
	}
	return err
}

// ImportVolume unpacks a tar into a directory, over what is there: files of the
// same name are replaced, directories stay. No link is followed, whoever made it.
// Devices are left out and counted. After an error a part of the members is there.
// Errors: [ErrFormat], [ErrLimit], [ErrEscape], [ErrLink].
func ImportVolume(ctx context.Context, dir int, r io.Reader, l Limits) (devices int64, err error) {
	own, err := again(func() (int, error) { return unix.Openat(dir, ".", plainDir, 0) })
	if err != nil {
		return 0, os.NewSyscallError("openat", err)
	}
	// A volume has no root of its own in which a link would mean something.
	w := newWriter(Host(), own, "")
	w.Owner = func(h *tar.Header) (int, int, error) { return Owners{}.Place(h.Uid, h.Gid) }
	w.Replace, w.Whole, w.Raw = ReplaceEmpty, true, true
	w.Skipped = func(string) { devices++ }
	err = ReadArchive(ctx, r, w, l)
	return devices, errors.Join(err, w.Close())
}
