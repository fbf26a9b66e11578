//go:build containers_image_openpgp

package engine

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"

	"coracle/storage/engine/unpack"
	"coracle/storage/record"

	"go.podman.io/storage/pkg/unshare"
)

// ids are those that exist in our user namespace.
func (e *engine) ids() (uids, gids unpack.IDs, err error) {
	for _, m := range []struct {
		path string
		ids  *unpack.IDs
	}{{"/proc/self/uid_map", &uids}, {"/proc/self/gid_map", &gids}} {
		f, err := os.Open(m.path)
		if err != nil {
			return nil, nil, failf(record.ErrStore, "cannot read the id map: %w", err)
		}
		*m.ids, err = unpack.ReadIDs(f)
		f.Close()
		if err != nil {
			return nil, nil, failf(record.ErrStore, "cannot read %s: %w", m.path, err)
		}
	}
	return uids, gids, nil
}

// moreIDs says what to type to have a file's owner exist.
func (e *engine) moreIDs(missing *unpack.IDError) string {
	const squash = "--ids=squash makes such files root's, and remembers whose they were"
	uid := unshare.GetRootlessUID()
	if uid == 0 || missing.ID < 0 || missing.ID >= math.MaxUint32 {
		return squash
	}
	uids, gids, err := e.ids()
	if err != nil {
		return squash
	}
	mapped := min(count(uids), count(gids))
	first, last, ok := freeRange(int64(missing.ID)+1-mapped, "/etc/subuid", "/etc/subgid")
	if !ok {
		return squash
	}
	return fmt.Sprintf("sudo usermod --add-subuids %d-%d --add-subgids %d-%d %s\n  or:  %s",
		first, last, first, last, userName(uid), squash)
}

func count(ids unpack.IDs) (n int64) {
	for _, e := range ids {
		n += int64(e.Count)
	}
	return n
}

// firstSubID is where login.defs(5) lets subordinate ids begin.
const firstSubID = 100_000

// freeRange finds need ids above all that the files give to somebody; not ok
// when there are not so many. A file that cannot be read gives nothing.
func freeRange(need int64, files ...string) (first, last int64, ok bool) {
	first = firstSubID
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			part := strings.Split(lines.Text(), ":")
			if len(part) != 3 {
				continue
			}
			start, err1 := strconv.ParseInt(part[1], 10, 64)
			size, err2 := strconv.ParseInt(part[2], 10, 64)
			if err1 == nil && err2 == nil {
				first = max(first, start+size)
			}
		}
		f.Close()
	}
	last = first + max(need, 1) - 1
	return first, last, last < math.MaxUint32
}

// userName is what usermod(8) knows a user by.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "$USER"
}
