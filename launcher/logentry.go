package launcher

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// entry is one entry of a log: a line of output, or a part of one.
type entry struct {
	time    []byte // RFC 3339
	err     bool   // standard error
	partial bool   // the line goes on in the stream's next entry
	text    []byte
}

// stream is 0 for standard output, 1 for standard error.
func (e *entry) stream() int {
	if e.err {
		return 1
	}
	return 0
}

// parse reads an entry, which may be half of one, of a crash or a full disk, or
// whatever somebody wrote there.
func (r *logReader) parse(line []byte) (e entry, ok bool) {
	if r.json {
		if e, ok := parsePlain(line); ok {
			return e, true
		}
		var j struct{ Log, Stream, Time string }
		if json.Unmarshal(line, &j) != nil || j.Time == "" {
			return e, false
		}
		e = entry{time: []byte(j.Time), err: j.Stream == "stderr", text: []byte(j.Log)}
		e.partial = !bytes.HasSuffix(e.text, []byte("\n"))
		return e, true
	}
	whole := line
	// Lines that were written together begin alike.
	if n := len(r.head); n > 0 && len(line) > n && string(line[:n]) == string(r.head) {
		e = r.like
		e.text = line[n:]
		return e, true
	}
	var stream, tag []byte
	if e.time, line, ok = bytes.Cut(line, []byte(" ")); !ok {
		return e, false
	}
	if stream, line, ok = bytes.Cut(line, []byte(" ")); !ok {
		return e, false
	}
	if tag, e.text, ok = bytes.Cut(line, []byte(" ")); !ok || len(e.time) < len("2006-01-02T15:04:05Z") {
		return e, false
	}
	e.err = string(stream) == "stderr"
	if e.partial = string(tag) == "P"; e.partial {
		e.text = bytes.TrimSuffix(e.text, []byte("\n"))
	}
	if ok = e.err || string(stream) == "stdout"; ok && !e.partial {
		r.head = append(r.head[:0], whole[:len(whole)-len(e.text)]...)
		r.like = entry{time: r.head[:len(e.time)], err: e.err}
	}
	return e, ok
}

// parsePlain reads an entry as [logWriter] writes plain text, a tenth of the work
// that encoding/json has with it. Not ok is what it leaves to that. The entry's text
// is in line, which is changed.
func parsePlain(line []byte) (e entry, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"log":"`))
	if !ok {
		return e, false
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return e, false
	}
	e.text, e.partial = rest[:end], true
	if i := bytes.IndexByte(e.text, '\\'); i >= 0 {
		if i != end-2 || e.text[i+1] != 'n' {
			return e, false
		}
		e.text, e.partial = e.text[:i+1], false
	}
	if rest, ok = bytes.CutPrefix(rest[end:], []byte(`","stream":"std`)); !ok || len(rest) < len(`out","time":"`) {
		return e, false
	}
	e.err = string(rest[:3]) == "err"
	if !e.err && string(rest[:3]) != "out" {
		return e, false
	}
	if rest, ok = bytes.CutPrefix(rest[3:], []byte(`","time":"`)); !ok {
		return e, false
	}
	if e.time, ok = bytes.CutSuffix(rest, []byte("\"}\n")); !ok || len(e.time) == 0 || bytes.ContainsAny(e.time, "\"\\") || !utf8.Valid(line) {
		return e, false
	}
	if !e.partial {
		e.text[len(e.text)-1] = '\n'
	}
	return e, true
}
