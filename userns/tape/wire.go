package tape

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// ErrWire is a program that cannot be decoded.
var ErrWire = errors.New("tape: damaged program")

// Bounds of a decoded program.
const (
	maxOps   = 8192
	maxBytes = 16 << 20
	maxRefs  = 1 << 16
	maxDepth = 4
)

// Append encodes ops behind b. The form is private to one build of one
// program: both ends are the same binary.
func Append(b []byte, ops []Op) []byte {
	b = binary.AppendUvarint(b, uint64(len(ops)))
	for i := range ops {
		op := &ops[i]
		b = binary.AppendUvarint(b, uint64(op.Call))
		b = binary.AppendUvarint(b, uint64(op.Into))
		positive := byte(0)
		if op.Positive {
			positive = 1
		}
		b = append(b, positive, byte(op.ZeroSkip), byte(len(op.Allow)), byte(len(op.Args)))
		for _, e := range op.Allow {
			b = binary.AppendUvarint(b, uint64(e))
		}
		for _, a := range op.Args {
			b = appendArg(b, a)
		}
		b = appendString(b, op.Why)
	}
	return b
}

func appendArg(b []byte, a Arg) []byte {
	b = appendString(b, a.Text)
	switch {
	case a.Blob != nil:
		return appendBlob(append(b, 2), a.Blob)
	case a.Slot != 0:
		return binary.AppendUvarint(append(b, 1), uint64(a.Slot))
	}
	return binary.AppendUvarint(append(b, 0), a.Num)
}

func appendBlob(b []byte, m *Blob) []byte {
	b = appendString(b, m.Data)
	b = binary.AppendUvarint(b, uint64(len(m.Refs)))
	for _, r := range m.Refs {
		b = binary.AppendUvarint(b, uint64(r.Off))
		if r.Blob != nil {
			b = appendBlob(append(b, 2), r.Blob)
		} else {
			b = binary.AppendUvarint(append(b, 1), uint64(r.Slot))
		}
	}
	return b
}

func appendString[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Decode reads what [Append] wrote and returns what follows it. Memory in the
// result is part of b.
func Decode(b []byte) ([]Op, []byte, error) {
	d := decoder{b: b}
	n := d.num(maxOps)
	ops := make([]Op, 0, min(n, 512))
	for i := uint64(0); i < n && !d.bad; i++ {
		op := Op{Call: Call(d.num(uint64(ncalls) - 1)), Into: d.slot()}
		op.Positive = d.num(1) == 1
		op.ZeroSkip = int(d.num(127))
		allow, args := d.num(3), d.num(6)
		for range allow {
			op.Allow = append(op.Allow, unix.Errno(d.num(4095)))
		}
		if args > 0 {
			op.Args = make([]Arg, args)
		}
		for j := range op.Args {
			op.Args[j] = d.arg()
		}
		op.Why = string(d.bytes())
		ops = append(ops, op)
	}
	if d.bad {
		return nil, nil, ErrWire
	}
	return ops, d.b, nil
}

type decoder struct {
	b    []byte
	refs int
	bad  bool
}

func (d *decoder) num(most uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > most || d.bad {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) slot() Slot { return Slot(d.num(MaxSlots - 1)) }

func (d *decoder) bytes() []byte {
	n := d.num(maxBytes)
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	s := d.b[:n:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) arg() (a Arg) {
	a.Text = string(d.bytes())
	switch d.num(2) {
	case 2:
		a.Blob = d.blob(0)
	case 1:
		a.Slot = d.slot()
	default:
		a.Num = d.num(^uint64(0))
	}
	return a
}

func (d *decoder) blob(depth int) *Blob {
	m := &Blob{Data: d.bytes()}
	n := d.num(maxRefs)
	if d.refs += int(n); d.refs > maxRefs || depth > maxDepth {
		d.bad = true
	}
	for i := uint64(0); i < n && !d.bad; i++ {
		r := Ref{Off: int(d.num(maxBytes))}
		if r.Off%8 != 0 || r.Off+8 > len(m.Data) {
			d.bad = true
			break
		}
		if d.num(2) == 2 {
			r.Blob = d.blob(depth + 1)
		} else {
			r.Slot = d.slot()
		}
		m.Refs = append(m.Refs, r)
	}
	return m
}
