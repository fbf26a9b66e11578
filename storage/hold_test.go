package storage

import (
	"errors"
	"testing"
)

func TestHold(t *testing.T) {
	c := Containers{Data: t.TempDir()}
	d, err := c.Create(Params{Name: "held", Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Hold(false); !errors.Is(err, ErrRunning) {
		t.Errorf("of a running container: %v", err)
	}
	d.release()
	first, err := d.Hold(true)
	if err != nil {
		t.Fatal(err)
	}
	// Any number read; one writes; nobody starts or removes it, and it does not run.
	reader, err := d.Hold(false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Hold(true); !errors.Is(err, ErrInUse) {
		t.Errorf("a second writer: %v", err)
	}
	if err := d.Acquire(); !errors.Is(err, ErrInUse) {
		t.Errorf("starting it: %v", err)
	}
	if err := c.Trash(d); !errors.Is(err, ErrInUse) || !errors.Is(err, ErrRunning) {
		t.Errorf("removing it: %v", err)
	}
	if alive, err := d.Alive(); alive || err != nil {
		t.Errorf("alive %v, %v", alive, err)
	}
	first.Close()
	if err := d.Acquire(); !errors.Is(err, ErrInUse) {
		t.Errorf("with one reader left: %v", err)
	}
	reader.Close()
	if err := d.Acquire(); err != nil {
		t.Errorf("when all are gone: %v", err)
	}
	d.release()
	gone := *d
	if err := c.Trash(d); err != nil {
		t.Fatal(err)
	}
	d.release()
	if _, err := gone.Hold(false); !errors.Is(err, ErrNoContainer) {
		t.Errorf("of one that is gone: %v", err)
	}
}
