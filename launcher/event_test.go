package launcher

import (
	"strings"
	"testing"
	"time"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/storage"
)

// told are the events below a data directory, a line each.
func told(t *testing.T, data string) string {
	t.Helper()
	var b strings.Builder
	err := events.Read(t.Context(), data, events.Query{}, func(e *events.Event) error {
		b.WriteString(e.Status + " " + e.Name + " " + e.Image + " " + e.Attributes["l"] + e.Attributes["signal"] + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestContainerEvents(t *testing.T) {
	c := &Containers{Set: containers.Set{Containers: storage.Containers{Data: t.TempDir()}}}
	x := &containers.Container{Dir: &storage.Dir{ID: someID, Name: "web"}, Intent: containers.Intent{Image: "img", Labels: map[string]string{"l": "v"}}}
	c.Event(x, events.Kill, map[string]string{"signal": "9"})
	c.Event(&containers.Container{Dir: &storage.Dir{ID: someID, Name: "bare"}, Intent: containers.Intent{ImageID: "0123"}}, events.Pause, map[string]string{"signal": "1"})
	if got := told(t, c.Data); got != "kill web img v9\npause bare 0123 1\n" {
		t.Errorf("%q", got)
	}
	if len(x.Intent.Labels) != 1 {
		t.Error("the container's labels were changed")
	}
}

func TestSupervisorEvents(t *testing.T) {
	for _, tt := range []struct {
		name string
		req  request
		want string
	}{
		{"new, in the foreground", request{}, "create init start attach died"},
		{"new, detached", request{Detach: true}, "create init start died"},
		{"new, detached with its caller", request{Detach: true, Follow: true}, "create init start attach died"},
		{"started again", request{Exists: true, Detach: true}, "init start died"},
	} {
		s := &supervisor{req: tt.req, started: time.Now()}
		s.req.Data, s.req.Name, s.req.ImageName, s.req.Labels = t.TempDir(), "web", "img", map[string]string{"l": "v"}
		s.tellStart()
		s.tellEnd(3, time.Now())
		want := strings.ReplaceAll(tt.want, " ", " web img v\n") + " web img v\n"
		if got := told(t, s.req.Data); got != want {
			t.Errorf("%s: %q, want %q", tt.name, got, want)
		}
		s.event(events.Exec, func(e *events.Event) { e.Attributes["signal"] = "x" })
		if len(s.req.Labels) != 1 {
			t.Error("the labels were changed")
		}
	}
}
