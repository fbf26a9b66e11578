package containers

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"coracle/storage"
)

func TestRestartsFact(t *testing.T) {
	d := &storage.Dir{Path: t.TempDir()}
	if r := ReadRestarts(d); r != (Restarts{}) {
		t.Errorf("nothing written: %+v", r)
	}
	want := Restarts{Count: 3, Waiting: true, Until: time.Now().UTC().Round(time.Second)}
	if err := WriteRestarts(d.Path, want); err != nil {
		t.Fatal(err)
	}
	if r := ReadRestarts(d); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	if err := os.WriteFile(filepath.Join(d.Path, restartsFact), []byte(`{"Count":7,"Waiting":"x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := ReadRestarts(d); r != (Restarts{}) {
		t.Errorf("damaged: %+v", r)
	}
}

func TestHealthFact(t *testing.T) {
	c := &Container{Dir: &storage.Dir{Path: t.TempDir()}}
	if c.Health() != nil {
		t.Error("there is none")
	}
	if err := WriteHealth(c.Path, Health{Status: Healthy, Log: []HealthLog{{ExitCode: 1, Output: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if h := c.Health(); h == nil || h.Status != Healthy || len(h.Log) != 1 || h.Log[0].Output != "x" {
		t.Errorf("%+v", h)
	}
	if err := os.WriteFile(filepath.Join(c.Path, healthFact), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.Health() != nil {
		t.Error("it is damaged")
	}
}

// A start forgets the runs before it, but not how the last one ended.
func TestForgetRun(t *testing.T) {
	d := &storage.Dir{Path: t.TempDir()}
	for _, err := range []error{
		ForgetRun(d), ForgetExit(d.Path), // there is nothing to forget
		WriteRestarts(d.Path, Restarts{Count: 1}), AskStop(d), AskStop(d), WriteHealth(d.Path, Health{}), WriteExit(d.Path, Exit{Status: 3}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !StopAsked(d) {
		t.Error("it was asked for")
	}
	if err := ForgetRun(d); err != nil || StopAsked(d) || ReadRestarts(d).Count != 0 {
		t.Errorf("%v", err)
	}
	if e, ok := ReadExit(d); !ok || e.Status != 3 {
		t.Errorf("%+v %v", e, ok)
	}
	if err := ForgetExit(d.Path); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(d.Path); len(names) > 0 {
		t.Errorf("left: %v", names)
	}
	if err := AskStop(&storage.Dir{Path: "/nonexistent"}); err == nil {
		t.Error("there is no such directory")
	}
}
