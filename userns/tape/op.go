package tape

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Slot names the result of an operation so that later ones can use it. Slot 0
// is none. A slot that nobody filled reads as -1, which no descriptor is.
type Slot uint16

// MaxSlots bounds the slots of one program.
const MaxSlots = 1024

// Op is one system call of a program.
type Op struct {
	Call Call
	Args []Arg
	// Into receives the result.
	Into Slot
	// Allow lists up to three errors after which the program goes on, leaving
	// Into as it was.
	Allow []unix.Errno
	// Positive makes a result of 0 a failure (ECANCELED): a read that met the
	// end of a pipe because the writer died.
	Positive bool
	// ZeroSkip is how many of the following operations are passed over when the
	// result is 0: what a [Fork] leaves to the parent.
	ZeroSkip int
	// Why is the reason the operation is there, for people.
	Why string
}

// Arg is one argument: exactly one of a number, a slot or a blob.
type Arg struct {
	Num  uint64
	Slot Slot
	Blob *Blob
	// Text, when set, is how Num or Blob is shown to people.
	Text string
}

// Blob is memory that an operation points at.
type Blob struct {
	Data []byte
	// Refs are eight-byte words of Data to be replaced by an address or a result.
	Refs []Ref
}

// Ref fills the eight-byte word at Off with the address of Blob or, when Blob
// is nil, the value of Slot.
type Ref struct {
	Off  int
	Blob *Blob
	Slot Slot
}

// Int is a number argument.
func Int[T ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64 | ~uintptr](n T) Arg {
	return Arg{Num: uint64(n)}
}

// Flags is a number shown as text.
func Flags(n uint64, text string) Arg { return Arg{Num: n, Text: text} }

// From is the result of an earlier operation.
func From(s Slot) Arg { return Arg{Slot: s} }

// Str is a NUL-terminated string.
func Str(s string) Arg { return Arg{Blob: str(s), Text: quote(s)} }

// Bytes is raw memory, shown as text.
func Bytes(b []byte, text string) Arg { return Arg{Blob: &Blob{Data: b}, Text: text} }

// Mem is memory with references, shown as text.
func Mem(b *Blob, text string) Arg { return Arg{Blob: b, Text: text} }

// Vec is a NULL-terminated array of strings, as execve(2) takes it.
func Vec(v []string) Arg {
	b := &Blob{Data: make([]byte, 8*(len(v)+1)), Refs: make([]Ref, len(v))}
	for i, s := range v {
		b.Refs[i] = Ref{Off: 8 * i, Blob: str(s)}
	}
	return Arg{Blob: b, Text: quoteAll(v)}
}

func str(s string) *Blob {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return &Blob{Data: b}
}

// Words lays out 64-bit words in the machine's order, for structures made of them.
func Words(w ...uint64) []byte {
	b := make([]byte, 0, 8*len(w))
	for _, x := range w {
		b = binary.NativeEndian.AppendUint64(b, x)
	}
	return b
}

// Words32 lays out 32-bit words in the machine's order.
func Words32(w ...uint32) []byte {
	b := make([]byte, 0, 4*len(w))
	for _, x := range w {
		b = binary.NativeEndian.AppendUint32(b, x)
	}
	return b
}
