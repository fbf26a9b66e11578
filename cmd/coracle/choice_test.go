package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
)

// Which words of a command line contradict each other is told before anything is
// looked at.
func TestChoice(t *testing.T) {
	id := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(id, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		choice choice
		want   string
		err    string
	}{
		{choice{Names: []string{"a", "b"}}, "a b", ""},
		{choice{Names: []string{"a"}, Cidfile: []string{id}}, "a abc", ""},
		{choice{Cidfile: []string{id + "x"}, Ignore: true}, "", ""},
		{choice{Cidfile: []string{id + "x"}}, "", "--cidfile"},
		{choice{}, "", "no container named"},
		{choice{Names: []string{"a"}, All: true}, "", "contradict"},
		{choice{Names: []string{"a"}, Latest: true}, "", "contradict"},
		{choice{All: true, Latest: true}, "", "contradict"},
		{choice{Names: []string{"a"}, Filter: []string{"name=x"}}, "", "--filter and names contradict"},
		{choice{Names: []string{"a"}, Running: true}, "", "contradict"},
	} {
		got, err := tt.choice.names(nil)
		if tt.err == "" && (err != nil || strings.Join(got, " ") != tt.want) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%+v: %q, %v", tt.choice, got, err)
		}
	}
	if err := os.WriteFile(id, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readID(id); err == nil {
		t.Error("an empty file holds no id")
	}
}

func TestReferences(t *testing.T) {
	o, err := json.Marshal(intent.Options{PID: "container:a", IPC: "host", VolumesFrom: []string{"c:ro", "d"}})
	if err != nil {
		t.Fatal(err)
	}
	got := references(&containers.Container{Intent: containers.Intent{Options: o}})
	if !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Errorf("%q", got)
	}
	if got := references(&containers.Container{Intent: containers.Intent{Options: []byte("x")}}); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestSpan(t *testing.T) {
	for want, got := range map[string]string{"0": span(0, 1), "1-65536": span(1, 65536), "5": span(5, 0), "4294967295": span(1<<32-1, 1)} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
