package userns

import (
	"fmt"
	"strings"
	"testing"
)

func TestSubIDsOf(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"by name", "bob:1:2\nana:100000:65536\n", "[{100000 165536}]"},
		{"by uid", "1000:100000:65536\n", "[{100000 165536}]"},
		{"by both, lowest first", "ana:300000:10\n1000:100000:10\nana:200000:10\n", "[{100000 100010} {200000 200010} {300000 300010}]"},
		{"touching lines stay apart", "ana:100000:10\nana:100010:10\n", "[{100000 100010} {100010 100020}]"},
		{"the same line by name and uid", "ana:100000:10\n1000:100000:10\n", "[{100000 100010}]"},
		{"overlap", "ana:100000:10\nana:100005:10\n", "[{100000 100010} {100010 100015}]"},
		{"no newline at the end", "ana:100000:10", "[{100000 100010}]"},
		{"comments and blanks", "# ana:1:1\n\n  \n\t ana:100000:10 \t\r\n", "[{100000 100010}]"},
		{"garbage", "ana\nana:\nana:1\nana:x:1\nana:1:x\nana:1:2:3\n:5:5\nana:-1:5\nana: 1:5\nana:7:0\nana:4294967295:1\nana:1:4294967295\nana:99999999999:1\n\x00\xff\nana:100000:10\n", "[{100000 100010}]"},
		{"up to the last id", "ana:2147483648:2147483647\n", "[{2147483648 4294967295}]"},
		{"a longer name", "anabel:1:2\nxana:3:4\n10000:5:6\n", "[]"},
		{"empty", "", "[]"},
	} {
		if got := fmt.Sprint(subIDsOf([]byte(c.text), "ana", 1000)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	if got := subIDsOf([]byte(":1:2\nroot:3:4\n"), "", 1000); len(got) > 0 {
		t.Errorf("a user without a name got %v", got)
	}
}

func TestBaseMap(t *testing.T) {
	nested := IDMap{{0, 1000, 1}, {1, 100000, 65536}}
	for _, c := range []struct {
		name    string
		granted spans
		here    IDMap
		want    string
		lost    uint64
	}{
		{"nothing", nil, full, "0 1000 1", 0},
		{"one range", spans{{100000, 165536}}, full, "0 1000 1, 1 100000 65536", 0},
		{"two ranges", spans{{100000, 165536}, {300000, 300010}}, full, "0 1000 1, 1 100000 65536, 65537 300000 10", 0},
		{"own id inside (podman#4436)", spans{{500, 2000}}, full, "0 1000 1, 1 500 500, 501 1001 999", 0},
		{"own id is the range", spans{{1000, 1001}}, full, "0 1000 1", 0},
		{"own id at the start", spans{{1000, 1010}}, full, "0 1000 1, 1 1001 9", 0},
		{"beyond a nested namespace", spans{{100000, 165536}}, nested, "0 1000 1", 65536},
		{"partly beyond", spans{{60000, 70000}}, nested, "0 1000 1, 1 60000 5537", 4463},
		{"across two extents", spans{{2000, 2010}}, IDMap{{0, 0, 2005}, {2005, 5000, 100}}, "0 1000 1, 1 2000 5, 6 2005 5", 0},
	} {
		got, lost := baseMap(1000, c.granted, c.here)
		if got.String() != c.want || lost != c.lost {
			t.Errorf("%s: got %s, lost %d; want %s, %d", c.name, got, lost, c.want, c.lost)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Five hundred lines are more than the kernel takes: the first are kept.
func TestBaseMapTooLong(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "ana:%d:100\n", 1000000+i*1000)
	}
	got, lost := baseMap(1000, subIDsOf([]byte(b.String()), "ana", 1000), full)
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if want := 50000 - (got.Size() - 1); lost != want || lost == 0 || len(got) < 100 {
		t.Errorf("%d extents, lost %d, want %d", len(got), lost, want)
	}
}

func FuzzSubIDs(f *testing.F) {
	f.Add([]byte("ana:100000:65536\n# x\nbob:1:2\n1000:5:5"), uint32(1000))
	f.Add([]byte("ana:0:4294967295\nana:1000:1\n"), uint32(0))
	f.Fuzz(func(t *testing.T, text []byte, uid uint32) {
		if uid == maxID {
			return
		}
		ids := subIDsOf(text, "ana", uid)
		for i := 1; i < len(ids); i++ {
			if ids[i-1].end > ids[i].start {
				t.Fatalf("not a set: %v", ids)
			}
		}
		base, _ := baseMap(uid, ids, full)
		if err := base.Validate(); err != nil {
			t.Fatalf("%q: %s: %v", text, base, err)
		}
	})
}
