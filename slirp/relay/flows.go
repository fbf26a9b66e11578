package relay

import (
	"iter"
	"time"
)

// flows are the datagram flows, the one used last at the end of the list.
type flows struct {
	all   map[flowKey]*flow
	list  flow
	swept time.Time
}

func (t *flows) init() {
	t.all = make(map[flowKey]*flow)
	t.list.prev, t.list.next = &t.list, &t.list
}

func (t *flows) any() bool { return len(t.all) > 0 }

// of are those of one port.
func (t *flows) of(listener int) iter.Seq[*flow] {
	return func(yield func(*flow) bool) {
		for key, f := range t.all {
			if key.listener == listener && !yield(f) {
				return
			}
		}
	}
}

// use makes it the one used last.
func (t *flows) use(f *flow, now time.Time) {
	f.last = now
	if f.next != nil {
		f.prev.next, f.next.prev = f.next, f.prev
	}
	f.prev, f.next = t.list.prev, &t.list
	f.prev.next, t.list.prev = f, f
}

// sweep removes those that nobody has used for long.
func (t *flows) sweep(now time.Time) {
	if now.Sub(t.swept) < flowSweep {
		return
	}
	t.swept = now
	for f := t.list.next; f != &t.list && now.Sub(f.last) >= flowLife; f = t.list.next {
		f.remove()
	}
}
