package unpack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestIDs(t *testing.T) {
	ids, err := ReadIDs(strings.NewReader("         0       1000          1\n       101     200000         10\n         1     100000        100\n"))
	if err != nil || !slices.Equal(ids, IDs{{0, 1}, {1, 100}, {101, 10}}) {
		t.Fatalf("%v, %v", ids, err)
	}
	for id, want := range map[int]bool{0: true, 1: true, 100: true, 110: true, 111: false, -1: false, 1<<32 - 1: false, 1 << 32: false, -1 << 40: false} {
		if ids.Has(id) != want {
			t.Errorf("%d: %v", id, !want)
		}
	}
	all := IDs{{0, 1}, {1, 1<<32 - 2}}
	if all.Has(1<<32-1) || !all.Has(1<<32-2) {
		t.Error("(uid_t)-1 is an id, or the one below is none")
	}
	for _, bad := range []string{"x", "1 2", "-1 0 1", "0 0 4294967296"} {
		if _, err := ReadIDs(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is an id map", bad)
		}
	}
}

// TestOwners has files of users that do not exist.
func TestOwners(t *testing.T) {
	some := func(owners Owners) Options {
		return Options{UIDs: IDs{{0, 1000}}, GIDs: IDs{{0, 100}}, UserNS: true, Owners: owners}
	}
	members := []member{
		reg("fine", "x").owner(999, 99), reg("uid", "x").owner(1000, 5), reg("gid", "x").owner(5, 100).mode(0o4755),
		dir("d").owner(5000, 5000), sym("s", "x").owner(7000, 7), link("l", "uid").owner(1000, 5), reg("none", "x").owner(1<<31, 1<<31),
		reg(".wh.w", "").owner(9999, 9999),
	}
	t.Run("refused", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.unpack(stream(t, members...), some(Refuse))
		var id *IDError
		var e *EntryError
		if !errors.As(err, &id) || id.ID != 1000 || id.Group || !errors.As(err, &e) || e.Entry != "uid" {
			t.Errorf("%v", err)
		}
		w = newWorld(t)
		_, err = w.unpack(stream(t, members[2]), some(Refuse))
		if !errors.As(err, &id) || id.ID != 100 || !id.Group || !strings.Contains(err.Error(), `entry "gid": it belongs to group 100`) {
			t.Errorf("%v", err)
		}
	})
	for name, tt := range map[string]struct {
		owners   Owners
		noted    map[string]string
		squashed int64
		uids     []uint32
	}{
		"squashed": {Squash, map[string]string{"uid": "1000:5", "gid": "5:100", "d": "5000:5000", "none": "2147483648:2147483648", "l": "1000:5"}, 6, []uint32{0, 5, 999}},
		"ignored":  {Ignore, nil, 0, []uint32{5, 999, 1000, 5000, 7000, 1 << 31}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r, err := w.unpack(stream(t, members...), some(tt.owners))
			if err != nil {
				t.Fatal(err)
			}
			if r.Squashed != tt.squashed || !slices.Equal(r.UIDs, tt.uids) {
				t.Errorf("%d squashed, uids %v", r.Squashed, r.UIDs)
			}
			for file, owner := range map[string][2]uint32{"fine": {999, 99}, "uid": {0, 5}, "gid": {5, 0}, "d": {0, 0}, "s": {0, 7}, "l": {0, 5}, "none": {0, 0}, "w": {0, 0}} {
				var st unix.Stat_t
				if err := unix.Lstat(filepath.Join(w.dest, file), &st); err != nil || st.Uid != owner[0] || st.Gid != owner[1] {
					t.Errorf("%s belongs to %d:%d, %v", file, st.Uid, st.Gid, err)
				}
				want := ""
				if was := tt.noted[file]; was != "" {
					want = fmt.Sprintf(" %s=%q", OwnerXattr, was)
				}
				if got := xattrs(t, filepath.Join(w.dest, file)); got != want {
					t.Errorf("%s has %s, want %s", file, got, want)
				}
			}
		})
	}
}

// TestManyDirectories goes back and forth between more directories than stay
// open, with links between them.
func TestManyDirectories(t *testing.T) {
	w := newWorld(t)
	var members []member
	for i := range 3 * kept {
		members = append(members, dir(fmt.Sprintf("d%d", i)), reg(fmt.Sprintf("d%d/f", i), fmt.Sprint(i)))
	}
	for i := range 3 * kept {
		members = append(members, link(fmt.Sprintf("d%d/l", i), fmt.Sprintf("d%d/f", (i*7+kept)%(3*kept))), sym(fmt.Sprintf("s%d", i), fmt.Sprintf("d%d", i)))
	}
	for i := range 3 * kept {
		members = append(members, reg(fmt.Sprintf("s%d/x", i*5%(3*kept)), "x"))
	}
	r, err := w.unpack(stream(t, members...), options())
	if err != nil || r.Entries != int64(len(members)) {
		t.Fatal(err)
	}
	for i := range 3 * kept {
		got, err := os.ReadFile(filepath.Join(w.dest, fmt.Sprintf("d%d/l", i)))
		if err != nil || string(got) != fmt.Sprint((i*7+kept)%(3*kept)) {
			t.Errorf("d%d/l is %q, %v", i, got, err)
		}
		if _, err := os.Lstat(filepath.Join(w.dest, fmt.Sprintf("d%d/x", i))); err != nil {
			t.Error(err)
		}
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil || len(open) > 30 {
		t.Errorf("%d descriptors are open, %v", len(open), err)
	}
}

// TestStops: a cancelled context ends the work, with its cause.
func TestStops(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	over := errors.New("over")
	cancel(over)
	if _, err := Unpack(ctx, strings.NewReader(string(stream(t, reg("a", "")))), w.dest, options()); !errors.Is(err, over) {
		t.Errorf("%v", err)
	}
	if _, err := Unpack(context.Background(), strings.NewReader(""), filepath.Join(w.dest, "none"), options()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestRootMode: the mode of the root is told, for the driver would change it.
func TestRootMode(t *testing.T) {
	w := newWorld(t)
	r, err := w.unpack(stream(t, dir("./").mode(0o1711).owner(4, 5), reg("a", "")), options())
	if err != nil || r.Root == nil {
		t.Fatal(r, err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(w.dest, &st); err != nil || st.Mode&0o7777 != 0o1711 || st.Uid != 4 || st.Gid != 5 || st.Mtim.Sec != when.Unix() {
		t.Errorf("%+v, %v", st, err)
	}
	w = newWorld(t)
	if r, err := w.unpack(stream(t, reg("a", "")), options()); err != nil || r.Root != nil {
		t.Error(r, err)
	}
}
