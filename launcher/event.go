package launcher

import (
	"maps"
	"path/filepath"
	"time"

	"coracle/launcher/containers"
	"coracle/launcher/events"
)

// Event tells of something that has happened to a container. attributes, which may
// be nil, stand beside its labels.
func (c *Containers) Event(x *containers.Container, status string, attributes map[string]string) {
	events.Write(c.Data, containerEvent(x, status, attributes))
}

func containerEvent(x *containers.Container, status string, attributes map[string]string) events.Event {
	e := events.Event{Type: events.Container, Status: status, ID: x.ID, Name: x.Name, Image: x.Intent.Image, Attributes: x.Intent.Labels}
	if e.Image == "" {
		e.Image = x.Intent.ImageID
	}
	if len(attributes) > 0 {
		e.Attributes = maps.Clone(e.Attributes)
		if e.Attributes == nil {
			e.Attributes = make(map[string]string)
		}
		maps.Copy(e.Attributes, attributes)
	}
	return e
}

// newEvent is an event of the supervisor's container.
func (s *supervisor) newEvent(status string) events.Event {
	return events.Event{
		Type: events.Container, Status: status, ID: filepath.Base(s.req.Dir), Name: s.req.Name, Image: s.req.ImageName, Attributes: s.req.Labels,
	}
}

// event tells of something that has happened to the supervisor's container; more,
// which may be nil, completes it.
func (s *supervisor) event(status string, more func(*events.Event)) {
	e := s.newEvent(status)
	if more != nil {
		e.Attributes = maps.Clone(e.Attributes)
		if e.Attributes == nil {
			e.Attributes = make(map[string]string)
		}
		more(&e)
	}
	events.Write(s.req.Data, e)
}

// tellStart tells of the start; of a new container, of its creation, too: until it
// runs, nobody should wait for that.
func (s *supervisor) tellStart() {
	var all []events.Event
	if !s.req.Exists {
		e := s.newEvent(events.Create)
		e.Time = s.started
		all = append(all, e)
	}
	for _, status := range []string{events.Init, events.Start} {
		e := s.newEvent(status)
		e.Time = s.started
		all = append(all, e)
	}
	if !s.req.Detach || s.req.Follow {
		all = append(all, s.newEvent(events.Attach))
	}
	events.Write(s.req.Data, all...)
}

// tellEnd tells how the container ended.
func (s *supervisor) tellEnd(status int, finished time.Time) {
	e := s.newEvent(events.Died)
	e.Time, e.ExitCode = finished, &status
	events.Write(s.req.Data, e)
}
