package userns

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rootless-containers/rootlesskit/v3/pkg/parent/idtools"
)

// What /etc/subuid and /etc/subgid of this machine grant is read as rootlesskit
// reads it, for every user named there. Rootlesskit keeps the order of the
// file; here ranges are sorted, as containers/storage has them.
func TestSubIDsAsRootlesskit(t *testing.T) {
	// Others may add and remove users meanwhile: what was read while the files
	// changed does not count.
	for range 100 {
		before := subIDFiles(t)
		failures := compareWithRootlesskit(before)
		if after := subIDFiles(t); after != before {
			continue
		}
		for _, f := range failures {
			t.Error(f)
		}
		return
	}
	t.Error("/etc/subuid never stood still")
}

func subIDFiles(t *testing.T) (files [2]string) {
	t.Helper()
	for i, name := range []string{"/etc/subuid", "/etc/subgid"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Skip("subids: no " + name + " on this machine")
		}
		files[i] = string(b)
	}
	return files
}

func compareWithRootlesskit(files [2]string) (failures []string) {
	const nobody = 1<<32 - 2 // an id that no line has
	for line := range strings.Lines(files[0]) {
		name, _, _ := strings.Cut(line, ":")
		if name == "" {
			continue
		}
		uids, gids, err := idtools.GetSubIDRanges(nobody, name)
		if err != nil {
			continue // a user without one of the two, or a line it cannot read
		}
		for i, theirs := range [][]idtools.SubIDRange{uids, gids} {
			var want []span
			for _, r := range theirs {
				want = append(want, span{uint64(r.Start), uint64(r.Start + r.Length)})
			}
			if got := subIDsOf([]byte(files[i]), name, nobody); !slices.Equal(got, spansOf(want...)) {
				failures = append(failures, fmt.Sprintf("%s: %v, rootlesskit has %v", name, got, theirs))
			}
		}
	}
	return failures
}
