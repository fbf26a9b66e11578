package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// layer writes a gzipped layer that is too much of something to standard output.
// It runs outside; mkimage takes what it writes.
//
//	hostile layer zeros BYTES     a file of zeros
//	hostile layer sparse BYTES    etc/passwd, all of it a hole
//	hostile layer pax BYTES       a PAX record of that length
//	hostile layer records N       N entries with 64 KiB of PAX records each
//	hostile layer entries N       N directories
//	hostile layer deep N          a path of N directories
//	hostile layer capability UID  a file capability bound to a user namespace's root
//	hostile layer tail BYTES      zeros after the archive's end
func layer(args []string) {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: hostile layer KIND N")
		os.Exit(2)
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		fail(err)
	}
	z, err := gzip.NewWriterLevel(os.Stdout, gzip.BestSpeed)
	if err != nil {
		fail(err)
	}
	w := tar.NewWriter(z)
	switch args[0] {
	case "zeros":
		entry(w, tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Mode: 0o644, Size: n}, zeros(n))
	case "sparse":
		sparse(w, z, n)
	case "pax":
		longRecord(w, z, n)
	case "records":
		value := strings.Repeat("x", 64<<10)
		for i := range n {
			entry(w, tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint("f", i), Mode: 0o644, PAXRecords: map[string]string{"X.y": value}}, nil)
		}
	case "entries":
		for i := range n {
			entry(w, tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprintf("many/%d/", i), Mode: 0o755}, nil)
		}
	case "deep":
		entry(w, tar.Header{Typeflag: tar.TypeDir, Name: strings.Repeat("d/", int(n)), Mode: 0o755}, nil)
	case "capability":
		entry(w, tar.Header{Typeflag: tar.TypeReg, Name: "capable", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": capability(uint32(n))}}, nil)
	case "tail":
		entry(w, tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644}, nil)
	default:
		fail(fmt.Errorf("unknown kind %q", args[0]))
	}
	if err := w.Close(); err != nil {
		fail(err)
	}
	if args[0] == "tail" {
		if _, err := io.Copy(z, zeros(n)); err != nil {
			fail(err)
		}
	}
	if err := z.Close(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "hostile:", err)
	os.Exit(1)
}

func entry(w *tar.Writer, h tar.Header, content io.Reader) {
	if h.PAXRecords != nil {
		h.Format = tar.FormatPAX
	}
	err := w.WriteHeader(&h)
	if err == nil && content != nil {
		_, err = io.Copy(w, content)
	}
	if err != nil {
		fail(err)
	}
}

func zeros(n int64) io.Reader { return io.LimitReader(nothing{}, n) }

type nothing struct{}

func (nothing) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// block is a header of ustar, which archive/tar would not write.
func block(name string, kind byte, size int64) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	b[156] = kind
	copy(b[257:], "ustar\x0000")
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// longRecord writes a PAX header of one record, and the file it is for.
func longRecord(w *tar.Writer, out io.Writer, n int64) {
	digits := len(strconv.FormatInt(n, 10))
	if len(strconv.FormatInt(n+int64(digits), 10)) > digits {
		digits++
	}
	total := n + int64(digits)
	before := fmt.Sprintf("%d X.y=", total)
	raw(w, out, block("PaxHeader", 'x', total), strings.NewReader(before), io.LimitReader(letters{}, total-int64(len(before))-1), strings.NewReader("\n"), padding(total), bytes.NewReader(block("g", '0', 0)))
}

// sparse writes etc/passwd as GNU tar does with --sparse --format=pax: a map of
// no data, and a length.
func sparse(w *tar.Writer, out io.Writer, n int64) {
	var records strings.Builder
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=etc/passwd", "GNU.sparse.realsize=" + strconv.FormatInt(n, 10)} {
		length := len(r) + 4
		fmt.Fprintf(&records, "%d %s\n", length, r)
	}
	size := int64(records.Len())
	text := fmt.Sprintf("1\n%d\n0\n", n)
	raw(w, out, block("PaxHeader", 'x', size), strings.NewReader(records.String()), padding(size),
		bytes.NewReader(block("etc/passwd", '0', 512)), strings.NewReader(text), zeros(512-int64(len(text))))
}

func raw(w *tar.Writer, out io.Writer, first []byte, rest ...io.Reader) {
	err := w.Flush()
	if err == nil {
		_, err = io.Copy(out, io.MultiReader(append([]io.Reader{bytes.NewReader(first)}, rest...)...))
	}
	if err != nil {
		fail(err)
	}
}

func padding(n int64) io.Reader { return zeros((512 - n%512) % 512) }

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// capability is cap_sys_admin, effective, for the user namespace whose root is
// uid: linux/capability.h, revision 3.
func capability(uid uint32) string {
	var b bytes.Buffer
	for _, v := range []uint32{0x03000001, 1 << 21, 0, 0, 0, uid} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	return b.String()
}
