package launcher

import (
	"reflect"
	"testing"

	"coracle/launcher/cgroup"
)

func TestGroupInRequest(t *testing.T) {
	for _, g := range []cgroup.Group{
		{}, {Unified: "/sys/fs/cgroup/x"}, {Unified: "/u", V1: map[string]string{"memory": "/m", "pids": "/p"}},
	} {
		b := putGroup(nil, g)
		d := reader{b: b}
		if got := d.group(); d.bad || len(d.b) != 0 || !reflect.DeepEqual(got, g) {
			t.Errorf("%+v came back as %+v", g, got)
		}
		for n := range b {
			d := reader{b: b[:n]}
			if d.group(); !d.bad {
				t.Errorf("%d bytes of %d are accepted", n, len(b))
			}
		}
	}
}

func TestRootOf(t *testing.T) {
	for lines, want := range map[string]int{"": 0, "0 0 1\n1 1 65536\n": 0, "1000 0 1\n0 1 1000\n": 1, "5 5 1\n": -1} {
		id, ok := rootOf(lines)
		if !ok {
			id = -1
		}
		if id != want {
			t.Errorf("%q: %d, want %d", lines, id, want)
		}
	}
}
