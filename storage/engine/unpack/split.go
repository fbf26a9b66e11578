package unpack

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc64"
	"io"
	"strconv"
	"unicode/utf8"
)

// A splitter stands between the tar reader and the stream and writes down what
// passes: bytes as they are, or, inside a file's content, their checksum only.
// The form is that of tar-split's storage.Entry, one JSON object a line.
//
// tar-split's own way (tar/asm, a second tar reader behind a pipe) costs twice
// the time of everything else in this package; and it refuses names that come
// twice.
type splitter struct {
	in    io.Reader
	out   *bufio.Writer // nil: nothing is written down
	table *crc64.Table
	lim   *Limits

	mode    mode
	sum     uint64 // of the content
	seg     []byte
	gap     int64 // raw bytes since the last entry
	raw     int64 // raw bytes in all
	total   int64 // bytes of the stream
	entries int64
	pos     int
	line    []byte
	tail    bool  // past the archive's end
	err     error // of this splitter, not of the stream
}

// A mode says what the bytes are that pass.
type mode int

const (
	header  mode = iota // headers and padding: kept
	content             // a file's content: its checksum is kept
	inline              // content that cannot be read back from the directory: kept
)

// segment is how much of the stream one line holds.
const segment = 64 << 10

func newSplitter(in io.Reader, out io.Writer, lim *Limits) *splitter {
	s := &splitter{in: in, lim: lim, table: crc64.MakeTable(crc64.ISO), seg: make([]byte, 0, segment)}
	if out != nil {
		s.out = bufio.NewWriterSize(out, segment)
	}
	return s
}

// Read passes the stream on.
func (s *splitter) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.in.Read(p)
	s.total += int64(n)
	switch s.mode {
	case content:
		s.sum = crc64.Update(s.sum, s.table, p[:n])
	case inline:
		s.sum = crc64.Update(s.sum, s.table, p[:n])
		s.err = s.add(p[:n])
	default:
		s.err = s.keep(p[:n])
	}
	if s.err != nil {
		return 0, s.err
	}
	return n, err
}

// keep takes bytes that are no file's content.
func (s *splitter) keep(p []byte) error {
	s.gap += int64(len(p))
	s.raw += int64(len(p))
	switch {
	case s.tail && s.gap > s.lim.Padding:
		return limitf("more than %d bytes follow the archive's end", s.lim.Padding)
	case !s.tail && s.gap > s.lim.Extended:
		return limitf("its headers have more than %d bytes", s.lim.Extended)
	case s.raw > recordSlack+recordEach*(s.entries+1):
		return limitf("the headers of %d entries have %d bytes", s.entries, s.raw)
	}
	return s.add(p)
}

// add writes raw bytes down, a segment at a time.
func (s *splitter) add(p []byte) error {
	for s.out != nil && len(p) > 0 {
		n := copy(s.seg[len(s.seg):cap(s.seg)], p)
		s.seg = s.seg[:len(s.seg)+n]
		p = p[n:]
		if len(s.seg) == cap(s.seg) {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush ends the segment, which must come before the file that follows it.
func (s *splitter) flush() error {
	if s.out == nil || len(s.seg) == 0 {
		return nil
	}
	b := append(s.line[:0], `{"type":2,"payload":"`...)
	b = base64.StdEncoding.AppendEncode(b, s.seg)
	b = append(b, `","position":`...)
	s.seg = s.seg[:0]
	return s.write(b)
}

func (s *splitter) write(b []byte) error {
	b = strconv.AppendInt(b, int64(s.pos), 10)
	b = append(b, "}\n"...)
	s.line = b
	s.pos++
	_, err := s.out.Write(b)
	return err
}

// begin says that a file's content follows, to be found again under its name.
func (s *splitter) begin() error {
	s.mode, s.sum = content, 0
	return s.flush()
}

// keepContent says that content follows which has to be written down itself.
func (s *splitter) keepContent() { s.mode, s.sum = inline, 0 }

// file writes down a file: after its content, or for an entry without any.
func (s *splitter) file(name string, size int64) error {
	s.mode = header
	if s.out == nil {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	b := append(s.line[:0], `{"type":1,`...)
	if utf8.ValidString(name) {
		quoted, err := json.Marshal(name)
		if err != nil {
			return err
		}
		b = append(append(b, `"name":`...), quoted...)
	} else {
		b = append(b, `"name_raw":"`...)
		b = base64.StdEncoding.AppendEncode(b, []byte(name))
		b = append(b, '"')
	}
	if size > 0 {
		b = strconv.AppendInt(append(b, `,"size":`...), size, 10)
		b = append(b, `,"payload":"`...)
		b = base64.StdEncoding.AppendEncode(b, binary.BigEndian.AppendUint64(nil, s.sum))
		b = append(b, `","position":`...)
	} else {
		b = append(b, `,"payload":null,"position":`...)
	}
	return s.write(b)
}

// entry starts the count of the next entry's header.
func (s *splitter) entry() {
	s.gap = 0
	s.entries++
}

// end takes what follows the archive, up to the end of the stream.
func (s *splitter) end(buf []byte) error {
	s.tail, s.gap = true, 0
	for {
		_, err := s.Read(buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := s.flush(); err != nil || s.out == nil {
		return err
	}
	return s.out.Flush()
}
