package pause

import (
	"slices"
	"testing"
)

func TestDescending(t *testing.T) {
	for name, tt := range map[string]struct{ all, want []member }{
		"none":               {},
		"as they were made":  {[]member{{pid: 5, parent: 1}, {pid: 6, parent: 5}, {pid: 7, parent: 6}}, []member{{pid: 5, parent: 1}, {pid: 6, parent: 5}, {pid: 7, parent: 6}}},
		"pids used again":    {[]member{{pid: 5, parent: 9}, {pid: 7, parent: 5}, {pid: 9, parent: 1}}, []member{{pid: 9, parent: 1}, {pid: 5, parent: 9}, {pid: 7, parent: 5}}},
		"exec beside":        {[]member{{pid: 5, parent: 1}, {pid: 6, parent: 1}, {pid: 8, parent: 6}}, []member{{pid: 5, parent: 1}, {pid: 6, parent: 1}, {pid: 8, parent: 6}}},
		"a parent that left": {[]member{{pid: 8, parent: 7}}, []member{{pid: 8, parent: 7}}},
		"its own":            {[]member{{pid: 8, parent: 8}}, []member{{pid: 8, parent: 8}}},
	} {
		if got := descending(tt.all); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	// What cannot be is in the list all the same, once.
	ring := []member{{pid: 5, parent: 6}, {pid: 6, parent: 5}, {pid: 7, parent: 1}}
	if got := descending(ring); len(got) != 3 || got[0].pid != 7 {
		t.Errorf("a ring: %v", got)
	}
}

func FuzzDescending(f *testing.F) {
	f.Add([]byte{5, 1, 6, 5})
	f.Add([]byte{5, 6, 6, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		var all []member
		seen := map[int]bool{}
		for i := 0; i+1 < len(b); i += 2 {
			if pid := int(b[i]); !seen[pid] {
				seen[pid] = true
				all = append(all, member{pid: pid, parent: int(b[i+1])})
			}
		}
		got := descending(all)
		if len(got) != len(all) {
			t.Fatalf("%d of %d", len(got), len(all))
		}
		for _, m := range got {
			if !slices.Contains(all, m) {
				t.Errorf("%v", m)
			}
		}
	})
}
