package containerfs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxUsers bounds /etc/passwd and /etc/group of a container, in bytes.
const maxUsers = 1 << 20

var (
	// ErrNotRegular says that a file is something else.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge says that it holds more than is read of it.
	ErrTooLarge = errors.New("file too large")
)

// ReadFile reads a regular file of at most limit bytes. It is looked at before it
// is opened: a container may have a pipe there, or a link to anything.
func (r Root) ReadFile(name string, limit int64) ([]byte, error) {
	fd, err := r.Open(name, unix.O_PATH)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if !is(&st, unix.S_IFREG) {
		return nil, fmt.Errorf("read %q: %w", name, ErrNotRegular)
	}
	f, err := openFile(fd, name)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("read %q: %w: more than %d bytes", name, ErrTooLarge, limit)
	}
	return data, err
}

// Names are the names that a root's own files give to ids. Whatever is wrong with
// those files, there are only no names then.
type Names struct{ Users, Groups map[int]string }

// Names reads /etc/passwd and /etc/group.
func (r Root) Names() Names {
	users, _ := r.ReadFile("/etc/passwd", maxUsers)
	groups, _ := r.ReadFile("/etc/group", maxUsers)
	return Names{parseNames(users), parseNames(groups)}
}

// parseNames reads the first and the third field of passwd(5) and group(5); the
// first line of an id counts, as for getpwuid(3).
func parseNames(data []byte) map[int]string {
	names := map[int]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxUsers)
	for lines.Scan() {
		f := strings.SplitN(lines.Text(), ":", 4)
		if len(f) < 3 || f[0] == "" || len(f[0]) > 256 {
			continue
		}
		id, err := strconv.ParseUint(f[2], 10, 32)
		if _, known := names[int(id)]; err != nil || known {
			continue
		}
		names[int(id)] = f[0]
	}
	return names
}

// Owner tells whose a file is, as this process sees ids; the last link is not
// followed. Errors: [ErrNotFound].
func (r Root) Owner(name string) (uid, gid uint32, err error) {
	p, err := r.find(name, false)
	if err == nil && !p.exists() {
		err = ErrNotFound
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cannot look at %q: %w", name, err)
	}
	p.close()
	return p.stat.Uid, p.stat.Gid, nil
}
