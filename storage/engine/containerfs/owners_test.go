package containerfs

import (
	"errors"
	"testing"

	"coracle/userns"
)

func idMap(inside, outside uint32) userns.IDMap {
	return userns.IDMap{{Inside: inside, Outside: outside, Size: 1}}
}

func TestOwners(t *testing.T) {
	o := Owners{
		UIDs: userns.IDMap{{Inside: 0, Outside: 1, Size: 1000}, {Inside: 1000, Outside: 0, Size: 1}},
		GIDs: userns.IDMap{{Inside: 0, Outside: 0, Size: 50}},
	}
	for _, tt := range []struct {
		uid, gid         uint32
		wantUID, wantGID int
	}{{0, 0, 1000, 0}, {1, 7, 0, 7}, {1000, 49, 999, 49}, {1001, 50, Nobody, Nobody}} {
		if u, g := o.Show(tt.uid, tt.gid); u != tt.wantUID || g != tt.wantGID {
			t.Errorf("show %d:%d: %d:%d", tt.uid, tt.gid, u, g)
		}
	}
	if u, g, err := o.Place(1000, 49); u != 0 || g != 49 || err != nil {
		t.Errorf("place: %d:%d, %v", u, g, err)
	}
	for _, bad := range [][2]int{{1001, 0}, {0, 50}, {-1, 0}, {0, 1 << 32}, {1<<32 - 1, 0}} {
		if _, _, err := o.Place(bad[0], bad[1]); !errors.Is(err, ErrNotMapped) {
			t.Errorf("place %v: %v", bad, err)
		}
		if _, _, err := (Owners{}).Place(bad[0], bad[1]); (bad[0] < 0 || bad[0] == 1<<32-1 || bad[1] == 1<<32) != (err != nil) {
			t.Errorf("place %v as it is: %v", bad, err)
		}
	}
	if u, g := o.Root(); u != 0 || g != 0 {
		t.Errorf("root is %d:%d", u, g)
	}
	if u, _ := (Owners{UIDs: idMap(7, 1)}).Root(); u != 7 {
		t.Errorf("root of a map without 0 is %d", u)
	}
	if u, g := (Owners{}).Show(33, 44); u != 33 || g != 44 {
		t.Errorf("no map: %d:%d", u, g)
	}
}
