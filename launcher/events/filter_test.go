package events

import "testing"

func TestFilter(t *testing.T) {
	container := Event{Type: Container, Status: Died, ID: "abc123", Name: "web", Image: "alpine", Attributes: map[string]string{"a": "1", "b": ""}}
	image := Event{Type: Image, Status: Pull, ID: "sha256:def456", Name: "alpine"}
	volume := Event{Type: Volume, Status: Remove, Name: "data"}
	health := Event{Type: Container, Status: HealthStatus, Health: "healthy", ID: "abc123"}
	for _, tt := range []struct {
		filters []string
		want    []*Event
	}{
		{nil, []*Event{&container, &image, &volume, &health}},
		{[]string{"container=web"}, []*Event{&container}},
		{[]string{"container=abc"}, []*Event{&container, &health}},
		{[]string{"container=we"}, nil},
		{[]string{"container=alpine"}, nil},
		{[]string{"event=died"}, []*Event{&container}},
		{[]string{"event=die"}, []*Event{&container}},
		{[]string{"event=died", "event=pull"}, []*Event{&container, &image}},
		{[]string{"event=destroy"}, []*Event{&volume}},
		{[]string{"event=remove"}, []*Event{&volume}},
		{[]string{"event=health_status"}, []*Event{&health}},
		{[]string{"event=health_status: healthy"}, []*Event{&health}},
		{[]string{"event=died", "type=image"}, nil},
		{[]string{"type=container"}, []*Event{&container, &health}},
		{[]string{"image=alpine"}, []*Event{&container, &image}},
		{[]string{"image=def4"}, []*Event{&image}},
		{[]string{"image=sha256:def4"}, []*Event{&image}},
		{[]string{"volume=data"}, []*Event{&volume}},
		{[]string{"volume=dat"}, nil},
		{[]string{"label=a"}, []*Event{&container}},
		{[]string{"label=a=1"}, []*Event{&container}},
		{[]string{"label=a="}, nil},
		{[]string{"label=b="}, []*Event{&container}},
		{[]string{"id=abc"}, []*Event{&container, &health}},
		{[]string{"network=x"}, nil},
	} {
		f, err := NewFilter(tt.filters)
		if err != nil {
			t.Errorf("%q: %v", tt.filters, err)
			continue
		}
		want := map[*Event]bool{}
		for _, e := range tt.want {
			want[e] = true
		}
		for _, e := range []*Event{&container, &image, &volume, &health} {
			if f(e) != want[e] {
				t.Errorf("%q: %v of %s %s", tt.filters, f(e), e.Type, e.Status)
			}
		}
	}
	for _, bad := range []string{"", "event", "event=", "colour=red", "=x"} {
		if _, err := NewFilter([]string{bad}); err == nil {
			t.Errorf("%q is a filter", bad)
		}
	}
}
