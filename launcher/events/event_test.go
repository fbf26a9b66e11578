package events

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestAction(t *testing.T) {
	for _, tt := range []struct {
		e    Event
		want string
	}{
		{Event{Type: Container, Status: Died}, "die"},
		{Event{Type: Container, Status: Start}, "start"},
		{Event{Type: Container, Status: Remove}, "destroy"},
		{Event{Type: Image, Status: Remove}, "delete"},
		{Event{Type: Volume, Status: Remove}, "destroy"},
		{Event{Type: Network, Status: Remove}, "destroy"},
		{Event{Type: Image, Status: Load}, "load"},
		{Event{Type: Container, Status: ExecDied}, "exec_die"},
		{Event{Type: Container, Status: HealthStatus, Health: "healthy"}, "health_status: healthy"},
		{Event{Type: Container, Status: HealthStatus}, "health_status"},
	} {
		if got := tt.e.Action(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.e, got, tt.want)
		}
	}
}

func TestLongLine(t *testing.T) {
	e := Event{Time: time.Unix(1, 0), Type: Container, Status: Start, ID: "1", Attributes: map[string]string{
		"small": "kept", "large": strings.Repeat("x", MaxLine), "larger": strings.Repeat("\x01", MaxLine/3),
	}}
	line := e.appendLine(nil)
	got, err := parse(bytes.TrimSuffix(line, []byte("\n")))
	if err != nil || len(line) > MaxLine || got.Attributes["small"] != "kept" || len(got.Attributes) != 1 {
		t.Errorf("%d bytes, %v, %d attributes", len(line), err, len(got.Attributes))
	}
	if len(e.Attributes) != 3 {
		t.Error("the caller's attributes were changed")
	}
	e.ID = strings.Repeat("x", MaxLine)
	if line := e.appendLine(nil); len(line) != 0 {
		t.Errorf("a line of %d bytes", len(line))
	}
}

func TestParse(t *testing.T) {
	for _, line := range []string{
		"", "{", "null", "[]", `"x"`, `{"time":"2026-01-02T03:04:05Z","type":"container"}`, `{"time":"2026-01-02T03:04:05Z","status":"start"}`,
		`{"type":"container","status":"start"}`, `{"time":"yesterday","type":"container","status":"start"}`, strings.Repeat(" ", MaxLine+1),
		`{"time":"2026-01-02T03:04:05Z","type":"container","status":"start"`, `{"time":"2026-01-02T03:04:05Z","type":"container","status":"start"}{`,
	} {
		if e, err := parse([]byte(line)); err == nil {
			t.Errorf("%.100q: %+v", line, e)
		}
	}
	e, err := parse([]byte(`{"time":"2026-01-02T03:04:05.6Z","type":"container","status":"died","id":"1","exit":0,"unknown":[1]}`))
	if err != nil || e.Time.Nanosecond() != 6e8 || e.ExitCode == nil || *e.ExitCode != 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-02T03:04:05Z","type":"container","status":"died","id":"1","exit":3,"attributes":{"a":"b"}}`))
	f.Add([]byte(`{"time":"2026-01-02T03:04:05+23:59","type":"\u0000","status":"\ud800","health":"x"}`))
	f.Add([]byte("{\"type\":\"x\"\n}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parse(line)
		if err != nil {
			return
		}
		// What was read can be written, on one line, and is read as the same.
		again := e.appendLine(nil)
		if len(again) == 0 {
			return // it does not fit when encoded
		}
		if i := bytes.IndexByte(again, '\n'); i != len(again)-1 {
			t.Fatalf("%q holds a newline", again)
		}
		same, err := parse(again[:len(again)-1])
		if err != nil || same.Type != e.Type || same.Status != e.Status || same.ID != e.ID || !same.Time.Equal(e.Time) {
			t.Fatalf("%q became %+v, %v", line, same, err)
		}
	})
}
