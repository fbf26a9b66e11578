package launcher

import (
	"os"
	"testing"

	"coracle/launcher/containers"
	"coracle/storage"
)

func container(t *testing.T, c storage.Containers, p storage.Params) *storage.Dir {
	t.Helper()
	d, err := c.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSettle(t *testing.T) {
	c := storage.Containers{Data: t.TempDir()}
	d := container(t, c, storage.Params{Name: "n", Keep: true})
	state := func(pid int, start string) {
		t.Helper()
		if err := containers.WriteState(d.Path, containers.State{PID: pid, Start: start}); err != nil {
			t.Fatal(err)
		}
	}
	// There is a process, the container's or not: nobody is kept waiting.
	for _, start := range []string{containers.StartTime(os.Getpid()), "1"} {
		state(os.Getpid(), start)
		if err := settle(d); err != nil {
			t.Fatal(err)
		}
		if alive, err := d.Alive(); err != nil || !alive {
			t.Fatalf("alive %v, %v", alive, err)
		}
	}
	// Ended, and its supervisor about to let go: the answer comes when it has.
	state(1<<30, "1")
	done := make(chan error)
	go func() { done <- settle(d) }()
	d.Lock.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if alive, err := d.Alive(); err != nil || alive {
		t.Fatalf("alive %v, %v", alive, err)
	}
	// Stopped, and gone.
	if err := settle(d); err != nil {
		t.Fatal(err)
	}
	if err := settle(&storage.Dir{ID: d.ID, Path: d.Path + "-none"}); err != nil {
		t.Fatal(err)
	}
}
