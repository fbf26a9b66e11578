package cgroup

import "testing"

// What every run pays: where a cgroup would be.
func BenchmarkFind(b *testing.B) {
	for b.Loop() {
		_, _ = Find(Real()).Place(Ask{ID: id})
	}
}
