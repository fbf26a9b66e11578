package dns

import "encoding/binary"

// Type is the type of a record, as IANA numbers them.
type Type uint16

// Types that are told apart here.
const (
	A     Type = 1
	CNAME Type = 5
	PTR   Type = 12
	AAAA  Type = 28
	opt   Type = 41
)

// Code is the outcome that an answer has (RFC 1035, 4.1.1).
type Code uint8

// Codes.
const (
	Success        Code = 0
	FormatError    Code = 1
	ServerFailure  Code = 2
	NameError      Code = 3 // there is no such name
	NotImplemented Code = 4
	Refused        Code = 5
)

// Sizes in bytes: of a header, of a question behind its name, of a record behind
// its name.
const (
	headerLen   = 12
	questionLen = 4
	recordLen   = 10
)

// Bits of a header's second field.
const (
	flagResponse  = 1 << 15
	flagAuthority = 1 << 10
	flagTruncated = 1 << 9
	flagDesired   = 1 << 8
	flagAvailable = 1 << 7
	flagUnchecked = 1 << 4
	opcodeMask    = 15 << 11
)

// classIN is the Internet.
const classIN = 1

// mostRecords bounds the records of one message that are looked at.
const mostRecords = 256

// Question is what a message asks.
type Question struct {
	// ID is how the answer is told from others.
	ID uint16
	// Name is in lower case, without the dot at its end: "" is the root.
	Name string
	Type Type
	// Internet is false for another class.
	Internet bool
	// Query is false for what is not one: a notification, an update.
	Query bool

	flags uint16
	raw   []byte // the question as it was sent
	edns  bool
	do    bool // DNSSEC's records are wanted
}

// ParseQuestion reads a message that asks one thing, as all do. It keeps a part of
// b. Errors: [ErrMalformed].
func ParseQuestion(b []byte, q *Question) error {
	end, err := q.parse(b)
	if err != nil {
		return err
	}
	if q.flags&flagResponse != 0 {
		return ErrMalformed
	}
	count := 0
	for _, at := range []int{6, 8, 10} {
		count += int(binary.BigEndian.Uint16(b[at:]))
	}
	for range min(count, mostRecords) {
		r, next, err := readRecord(b, end)
		if err != nil {
			return err
		}
		if r.kind == opt {
			q.edns, q.do = true, r.ttl&0x8000 != 0
		}
		end = next
	}
	return nil
}

// parse reads the header and the question, of either direction.
func (q *Question) parse(b []byte) (end int, err error) {
	if len(b) < headerLen || binary.BigEndian.Uint16(b[4:]) != 1 {
		return 0, ErrMalformed
	}
	*q = Question{ID: binary.BigEndian.Uint16(b), flags: binary.BigEndian.Uint16(b[2:])}
	q.Query = q.flags&opcodeMask == 0
	if q.Name, end, err = readName(b, headerLen); err != nil {
		return 0, err
	}
	if end+questionLen > len(b) {
		return 0, ErrMalformed
	}
	q.Type, q.Internet = Type(binary.BigEndian.Uint16(b[end:])), binary.BigEndian.Uint16(b[end+2:]) == classIN
	end += questionLen
	q.raw = b[headerLen:end]
	return end, nil
}

// record is one of a message's.
type record struct {
	owner string
	kind  Type
	class uint16
	ttl   uint32
	data  int // where its data begins
	size  int
}

func readRecord(b []byte, at int) (r record, end int, err error) {
	if r.owner, at, err = readName(b, at); err != nil {
		return r, 0, err
	}
	if at+recordLen > len(b) {
		return r, 0, ErrMalformed
	}
	r.kind, r.class = Type(binary.BigEndian.Uint16(b[at:])), binary.BigEndian.Uint16(b[at+2:])
	r.ttl, r.size = binary.BigEndian.Uint32(b[at+4:]), int(binary.BigEndian.Uint16(b[at+8:]))
	r.data = at + recordLen
	if end = r.data + r.size; end > len(b) {
		return r, 0, ErrMalformed
	}
	return r, end, nil
}
