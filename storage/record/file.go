package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Load reads the record at path. A missing file is os.ErrNotExist, anything
// unreadable [ErrDamaged]; the caller treats both alike. It does not ask
// whether the record is stale.
func Load(path string) (*Record, error) {
	data, err := readBounded(path, MaxSize)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

func readBounded(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read image record: %w", err)
	}
	defer f.Close()
	buf := make([]byte, 16<<10)
	// A catalog is larger: growing to it step by step would wake the collector.
	if fi, err := f.Stat(); err == nil && fi.Size() >= int64(len(buf)) && fi.Size() <= int64(most) {
		buf = make([]byte, fi.Size()+1)
	}
	n := 0
	for {
		m, err := f.Read(buf[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return buf[:n], nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read image record: %w", err)
		}
		if n > most {
			return nil, fmt.Errorf("%w: larger than %d bytes", ErrDamaged, most)
		}
		if n == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// Save writes r to path, in one rename, creating the directory. The file is
// not synced: losing a record in a power cut loses a few milliseconds, and a
// torn one fails its check sum.
func (r *Record) Save(path string) error {
	data, err := r.Encode()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot save image record: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("cannot save image record: %w", err)
	}
	defer os.Remove(tmp.Name()) // fails once renamed
	_, err = tmp.Write(data)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("cannot save image record: %w", err)
	}
	return nil
}

// A Query is what decides which record answers: the question and where it was
// asked.
type Query struct {
	Ref      string              // as typed
	Platform string              // as typed, "" for the host's
	Build    string              // identity of the program that carries the built-in image
	UID      int                 // the real user's
	Dir      string              // working directory; counts only for references to files
	Env      func(string) string // os.Getenv
}

// Key returns the name of q's record file: a SHA-256 in hexadecimal. What the
// configuration files say is not part of it; those are tokens in the record.
func (q Query) Key() string {
	h := sha256.New()
	add := func(s string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	add(magic)
	add(q.Ref)
	add(q.Platform)
	add(q.Build)
	add(fmt.Sprint(q.UID))
	if IsFile(q.Ref) {
		add(q.Dir)
	}
	for _, name := range storeEnv() {
		add(name)
		add(q.Env(name))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// IsFile reports whether ref names a file or directory rather than a name in
// the store or in a registry: a file transport ("oci:", "oci-archive:",
// "docker-archive:", "dir:") or a path that starts with "/", "./" or "../".
func IsFile(ref string) bool {
	for _, p := range []string{"/", "./", "../", "oci:", "oci-archive:", "docker-archive:", "dir:"} {
		if strings.HasPrefix(ref, p) {
			return true
		}
	}
	return ref == "." || ref == ".."
}
