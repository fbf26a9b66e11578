package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"coracle/launcher/events"
)

func aDeath() *events.Event {
	code := 3
	return &events.Event{
		Time: time.Unix(1700000000, 5), Type: events.Container, Status: events.Died, ID: strings.Repeat("ab", 32), Name: "web", Image: "alpine",
		ExitCode: &code, Attributes: map[string]string{"b": "2", "a": "1\x1b\u009b"},
	}
}

func printed(t *testing.T, format string, whole bool, e *events.Event) string {
	t.Helper()
	var b strings.Builder
	if err := (eventPrinter{format: format, whole: whole}).print(e, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEventForms(t *testing.T) {
	id := strings.Repeat("ab", 32)
	when := time.Unix(1700000000, 5).String()
	for _, tt := range []struct {
		format string
		whole  bool
		e      *events.Event
		want   string
	}{
		{"", true, aDeath(), when + " container died " + id + " (image=alpine, name=web, exit=3, a=1??, b=2)\n"},
		{"", false, &events.Event{Time: time.Unix(1700000000, 5), Type: events.Image, Status: events.Pull, ID: id, Name: "alpine"}, when + " image pull abababababab alpine\n"},
		{"", true, &events.Event{Time: time.Unix(1700000000, 5), Type: events.Volume, Status: events.Create, Name: "data"}, when + " volume create data\n"},
		{"", true, &events.Event{Time: time.Unix(1700000000, 5), Type: events.System, Status: events.Prune}, when + " system prune\n"},
		{"{{.Status}} {{.Action}} {{.ID}} {{.ContainerExitCode}} {{index .Attributes \"b\"}} {{.Actor.Attributes.exitCode}}", true, aDeath(), "died die " + id + " 3 2 3\n"},
		{"{{.Type}} {{.HealthStatus}}", true, &events.Event{Type: events.Container, Status: events.HealthStatus, Health: "healthy"}, "container healthy\n"},
	} {
		if got := printed(t, tt.format, tt.whole, tt.e); got != tt.want {
			t.Errorf("%q:\ngot  %q\nwant %q", tt.format, got, tt.want)
		}
	}
	if err := (eventPrinter{format: "{{.Nothing}}"}).print(aDeath(), &strings.Builder{}); err == nil {
		t.Error("an unknown field is no error")
	}
}

// What clients read, by podman's names and by docker's.
func TestEventJSON(t *testing.T) {
	line := printed(t, "json", true, aDeath())
	if strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\x1b\u009b") {
		t.Errorf("%q", line)
	}
	var podman struct {
		ID, Image, Name, Status, Type string
		ContainerExitCode             *int
		Attributes                    map[string]string
		TimeNano                      int64 `json:"timeNano"`
		Time                          int64 `json:"time"`
	}
	var docker struct {
		Status string `json:"status"`
		ID     string `json:"id"`
		From   string `json:"from"`
		Type   string
		Action string
		Actor  struct {
			ID         string
			Attributes map[string]string
		}
		Scope string `json:"scope"`
	}
	for _, v := range []any{&podman, &docker} {
		if err := json.Unmarshal([]byte(line), v); err != nil {
			t.Fatal(err)
		}
	}
	if podman.Status != "died" || podman.Name != "web" || *podman.ContainerExitCode != 3 || podman.Time != 1700000000 || podman.TimeNano != 1700000000000000005 || podman.Attributes["b"] != "2" {
		t.Errorf("%+v", podman)
	}
	if docker.Action != "die" || docker.ID != podman.ID || docker.From != "alpine" || docker.Actor.Attributes["name"] != "web" || docker.Actor.Attributes["b"] != "2" || docker.Scope != "local" {
		t.Errorf("%+v", docker)
	}
}

func TestEventsUntil(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for in, want := range map[string]time.Time{"": {}, "10m": now.Add(10 * time.Minute), "-10m": now.Add(-10 * time.Minute), "1600000000": time.Unix(1600000000, 0)} {
		if got, err := until(in, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if _, err := until("soon", now); err == nil {
		t.Error("soon is no time")
	}
}
