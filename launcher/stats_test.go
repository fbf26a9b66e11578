package launcher

import (
	"os"
	"testing"
	"time"

	"coracle/launcher/cgroup"
	"coracle/launcher/containers"
	"coracle/launcher/processes"
	"coracle/storage"
)

// What the control group counts comes first, the rest from the processes.
func TestComplete(t *testing.T) {
	u := processes.Use{CPU: 2, System: 1, Memory: 3, Read: 4, Written: 5, Threads: 6, NoIO: true}
	s := Sample{Why: map[string]string{}}
	s.complete(u)
	if s.CPU != 2 || s.System != 1 || s.Memory != 3 || s.Read != 4 || s.Written != 5 || s.PIDs != 6 || s.Why[WhyIO] == "" {
		t.Errorf("%+v", s)
	}
	s = Sample{CPU: 20, Memory: 30, Read: 40, PIDs: 60, Why: map[string]string{}, has: cgroup.Usage{HasCPU: true, HasMemory: true, HasIO: true, HasPIDs: true}}
	s.complete(u)
	if s.CPU != 20 || s.Memory != 30 || s.Read != 40 || s.Written != 0 || s.PIDs != 60 || len(s.Why) != 0 {
		t.Errorf("%+v", s)
	}
	s = Sample{CPU: 20, Why: map[string]string{}, has: cgroup.Usage{HasCPU: true}}
	s.complete(u)
	if s.CPU != 20 || s.Memory != 3 {
		t.Errorf("%+v", s)
	}
}

func TestSamples(t *testing.T) {
	all := &Containers{Set: containers.Set{Containers: storage.Containers{Data: t.TempDir()}}}
	pid := os.Getpid()
	self := &containers.Container{Dir: &storage.Dir{ID: "0f0f"}, PID: pid, Start: containers.StartTime(pid)}
	gone := &containers.Container{Dir: &storage.Dir{ID: "1f1f"}, PID: pid, Start: "1"}
	none := &containers.Container{Dir: &storage.Dir{ID: "2f2f"}}
	got, err := all.Samples([]*containers.Container{self, gone, none})
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	s := got["0f0f"]
	if s.Memory == 0 || s.Limit < s.Memory || s.PIDs == 0 || time.Since(s.At) > time.Minute || s.Why[WhyNet] == "" || s.CPU < s.System {
		t.Errorf("%+v", s)
	}
	if got, err := all.Samples(nil); len(got) != 0 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
