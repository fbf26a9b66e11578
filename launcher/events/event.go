package events

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"
)

// Types of events, docker's and podman's words.
const (
	Container = "container"
	Image     = "image"
	Volume    = "volume"
	Network   = "network"
	System    = "system"
)

// What can happen, in podman's words (podman-events(1)); [Event.Action] has
// docker's where they differ.
const (
	Attach       = "attach"
	Build        = "build"
	Commit       = "commit"
	Connect      = "connect"
	Create       = "create"
	Died         = "died"
	Disconnect   = "disconnect"
	Exec         = "exec"
	ExecDied     = "exec_died"
	Export       = "export"
	HealthStatus = "health_status"
	Import       = "import"
	Init         = "init"
	Kill         = "kill"
	Load         = "loadfromarchive"
	Mount        = "mount"
	Pause        = "pause"
	Prune        = "prune"
	Pull         = "pull"
	Push         = "push"
	Remove       = "remove"
	Rename       = "rename"
	Restart      = "restart"
	Save         = "save"
	Start        = "start"
	Stop         = "stop"
	Tag          = "tag"
	Unmount      = "unmount"
	Unpause      = "unpause"
	Untag        = "untag"
	Update       = "update"
)

// Event is something that has happened.
type Event struct {
	Time   time.Time `json:"time"`   // zero: now
	Type   string    `json:"type"`   // one of the types above
	Status string    `json:"status"` // what happened
	// ID is the container's, image's or network's, whole; Name its name, the image's
	// reference, or the volume's name.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Image is the container's, as it was asked for.
	Image string `json:"image,omitempty"`
	// ExitCode is set with [Died] and [ExecDied].
	ExitCode *int `json:"exit,omitempty"`
	// Health is set with [HealthStatus]: starting, healthy, unhealthy.
	Health string `json:"health,omitempty"`
	// Error is why it failed.
	Error string `json:"error,omitempty"`
	// Attributes are the container's labels, and what is known besides: signal with
	// [Kill], execID with [Exec], oldName with [Rename], container with [Connect] and
	// [Disconnect].
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Action is docker's word for what happened.
func (e *Event) Action() string {
	switch {
	case e.Type == Container && e.Status == Remove:
		return "destroy"
	case e.Type == Image && e.Status == Remove:
		return "delete"
	case (e.Type == Volume || e.Type == Network) && e.Status == Remove:
		return "destroy"
	case e.Status == Died:
		return "die"
	case e.Status == ExecDied:
		return "exec_die"
	case e.Status == Load:
		return "load"
	case e.Status == HealthStatus && e.Health != "":
		return HealthStatus + ": " + e.Health
	}
	return e.Status
}

// MaxLine bounds a line of the file, in bytes.
const MaxLine = 128 << 10

var errLine = errors.New("no event")

// appendLine adds the event's line to b. One that would be too long loses its
// largest attributes.
func (e *Event) appendLine(b []byte) []byte {
	for {
		line, err := json.Marshal(e)
		if err == nil && len(line) < MaxLine {
			return append(append(b, line...), '\n')
		}
		if err != nil || len(e.Attributes) == 0 {
			return b
		}
		short := *e
		short.Attributes = maps.Clone(e.Attributes)
		keys := slices.SortedFunc(maps.Keys(e.Attributes), func(x, y string) int {
			return len(y) + len(e.Attributes[y]) - len(x) - len(e.Attributes[x])
		})
		delete(short.Attributes, keys[0])
		e = &short
	}
}

// parse reads a line. It may be half of one, of a crash or a full disk, or
// whatever somebody wrote there.
func parse(line []byte) (e Event, err error) {
	if len(line) > MaxLine || json.Unmarshal(line, &e) != nil || e.Type == "" || e.Status == "" || e.Time.IsZero() {
		return Event{}, errLine
	}
	return e, nil
}
