package stack

import "time"

// timed is what waits for a moment. Its heap entry may be earlier than what it
// waits for, never later: a deadline that is put off again and again, as that for
// a retransmission is, costs nothing.
type timed struct {
	expire func(now time.Duration)
	// deadline is when it wants to be called, 0 never.
	deadline time.Duration
	at       time.Duration // in the heap
	index    int           // there, from 1 on; 0: it is not
}

// timers is a heap, the earliest first. Moments are counted from the stack's start.
type timers []*timed

// set changes the deadline.
func (h *timers) set(t *timed, deadline time.Duration) {
	t.deadline = deadline
	switch {
	case deadline == 0 || t.index > 0 && t.at <= deadline:
	case t.index > 0:
		t.at = deadline
		h.up(t.index - 1)
	default:
		t.at = deadline
		*h = append(*h, t)
		t.index = len(*h)
		h.up(t.index - 1)
	}
}

// drop forgets one.
func (h *timers) drop(t *timed) {
	t.deadline = 0
	i := t.index - 1
	if i < 0 {
		return
	}
	last := len(*h) - 1
	h.swap(i, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = 0
	if i < last {
		h.down(i)
		h.up(i)
	}
}

// run calls those whose time has come.
func (h *timers) run(now time.Duration) {
	for len(*h) > 0 && (*h)[0].at <= now {
		t := (*h)[0]
		switch {
		case t.deadline == 0:
			h.drop(t)
		case t.deadline > now:
			t.at = t.deadline
			h.down(0)
		default:
			h.drop(t)
			t.expire(now)
		}
	}
}

// next is the time until the first may be due, -1 without any.
func (h timers) next(now time.Duration) time.Duration {
	if len(h) == 0 {
		return -1
	}
	return max(0, h[0].at-now)
}

func (h timers) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

func (h timers) up(i int) {
	for i > 0 && h[i].at < h[(i-1)/2].at {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h timers) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(h) && h[child].at < h[least].at {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
