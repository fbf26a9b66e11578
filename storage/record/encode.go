package record

import (
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
)

// magic is the first line of a record. Another version is another magic, so
// that an older program takes it as absent.
const magic = "coracle-record 1\n"

func checksum(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

// Encode returns r in the format of the package comment.
func (r *Record) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("cannot encode image record: %w", err)
	}
	w := writer{buf: make([]byte, 0, 4096)}
	w.buf = append(w.buf, magic...)
	w.one("ref", r.Ref)
	w.word("id", r.ID)
	w.each("name", r.Names)
	w.one("digest", r.Digest)
	w.one("platform", r.Platform)
	w.word("size", strconv.FormatInt(r.Size, 10))
	if r.HasIDs {
		w.word("ids", strconv.FormatUint(uint64(r.MaxUID), 10)+" "+strconv.FormatUint(uint64(r.MaxGID), 10))
	}
	w.one("dir", r.Dir)
	for _, l := range r.Layers {
		w.two("layer", l.Link, l.Diff)
	}
	w.config(&r.Config)
	for _, t := range r.Tokens {
		w.two(t.Kind.String(), t.Path, t.State)
	}
	if n := len(r.Raw); n > 0 && n <= maxRaw {
		w.word("raw", strconv.Itoa(n))
		w.buf = append(append(w.buf, r.Raw...), '\n')
	}
	w.buf = fmt.Appendf(w.buf, "sum %08x\n", checksum(w.buf))
	if len(w.buf) > MaxSize {
		return nil, fmt.Errorf("cannot encode image record: %d bytes, limit %d", len(w.buf), MaxSize)
	}
	return w.buf, nil
}

func (w *writer) config(c *Config) {
	w.one("user", c.User)
	w.each("env", c.Env)
	w.each("entrypoint", c.Entrypoint)
	w.each("cmd", c.Cmd)
	w.one("workdir", c.WorkingDir)
	w.one("stopsignal", c.StopSignal)
	for _, k := range slices.Sorted(maps.Keys(c.Labels)) {
		w.two("label", k, c.Labels[k])
	}
	w.each("volume", c.Volumes)
	w.each("port", c.ExposedPorts)
}

type writer struct{ buf []byte }

// word writes a value that needs no quotes.
func (w *writer) word(key, value string) {
	w.buf = append(w.buf, key...)
	w.buf = append(w.buf, ' ')
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, '\n')
}

// one writes a value unless it is empty, which is what a missing line means.
func (w *writer) one(key, value string) {
	if value != "" {
		w.always(key, value)
	}
}

func (w *writer) always(key, value string) {
	w.buf = append(w.buf, key...)
	w.buf = append(w.buf, ' ')
	w.buf = strconv.AppendQuote(w.buf, value)
	w.buf = append(w.buf, '\n')
}

func (w *writer) each(key string, values []string) {
	for _, v := range values {
		w.always(key, v)
	}
}

func (w *writer) two(key, a, b string) {
	w.always(key, a)
	w.buf[len(w.buf)-1] = ' '
	w.buf = strconv.AppendQuote(w.buf, b)
	w.buf = append(w.buf, '\n')
}
