package stack

import (
	"time"

	"coracle/slirp/packet"
)

// Bounds of reassembly. A container that sends more fragments at once loses the
// oldest.
const (
	mostDatagrams = 16
	mostPieces    = 64
	fragmentLife  = 30 * time.Second // RFC 8200, 4.5 has 60 s
)

type fragmentKey struct {
	src, dst packet.Addr
	id       uint32
	protocol uint8
}

// datagram is one that has not come whole.
type datagram struct {
	key    fragmentKey
	used   bool
	since  time.Duration
	pieces []packet.Range // what is there, in no order
	length int            // of the whole, -1 while unknown
	got    int
	bytes  []byte
}

// fragments puts datagrams together (RFC 791, 3.2; RFC 8200, 4.5).
type fragments struct {
	s   *Stack
	all [mostDatagrams]datagram
}

func (f *fragments) init(s *Stack) { f.s = s }

// add takes a fragment and returns the whole payload when it was the last that
// was missing, valid until the next call.
func (f *fragments) add(h *packet.IP) []byte {
	from, to := h.Offset, h.Offset+len(h.Payload)
	if len(h.Payload) == 0 || to > 65535 || h.More && len(h.Payload)%8 != 0 {
		return nil
	}
	d := f.find(fragmentKey{h.Src, h.Dst, h.ID, h.Protocol})
	for _, p := range d.pieces {
		if int(p.From) == from && int(p.To) == to {
			return nil // it came twice
		}
		// Those that overlap are made to deceive who looks only at some (RFC 5722).
		if from < int(p.To) && int(p.From) < to {
			d.forget()
			return nil
		}
	}
	if !h.More {
		if d.length >= 0 {
			d.forget()
			return nil
		}
		d.length = to
	}
	if len(d.pieces) >= mostPieces || d.length >= 0 && to > d.length {
		d.forget()
		return nil
	}
	if len(d.bytes) < to {
		d.bytes = append(d.bytes, make([]byte, to-len(d.bytes))...)
	}
	copy(d.bytes[from:], h.Payload)
	d.pieces = append(d.pieces, packet.Range{From: uint32(from), To: uint32(to)})
	if d.got += to - from; d.got != d.length {
		return nil
	}
	whole := d.bytes
	d.forget()
	return whole
}

// find returns the datagram of a key: a new one takes the place of the oldest.
func (f *fragments) find(key fragmentKey) *datagram {
	at := &f.all[0]
	for i := range f.all {
		d := &f.all[i]
		if d.used && f.s.now-d.since > fragmentLife {
			d.forget()
		}
		if d.used && d.key == key {
			return d
		}
		if !d.used && at.used || d.used == at.used && d.since < at.since {
			at = d
		}
	}
	at.forget()
	at.key, at.used, at.since, at.length = key, true, f.s.now, -1
	return at
}

func (d *datagram) forget() { *d = datagram{pieces: d.pieces[:0]} }
