package chunked

// Spans are the parts of the blob to fetch for the files that missing names: few
// rather than small ones, for each costs a round trip. They come in the order of
// the files, and do not overlap; ok is false where the files do not lie in the
// order of the table.
func (t *Table) Spans(missing func(i int) bool) (all []Span, ok bool) {
	end := int64(0)
	for i, f := range t.Files {
		if f.At < end {
			return nil, false
		}
		if end = f.End; missing(i) {
			all = append(all, f.Span)
		}
	}
	for gap := int64(minGap); ; gap *= 2 {
		if all = joined(all, gap); len(all) <= maxSpans {
			return all, true
		}
	}
}

// minGap is how many bytes too many cost less than a request of their own: what a
// line of 100 Mbit/s brings in 10 ms. maxSpans bounds the requests for a layer.
const (
	minGap   = 128 << 10
	maxSpans = 64
)

func joined(all []Span, gap int64) []Span {
	var out []Span
	for _, s := range all {
		if n := len(out); n > 0 && s.At-out[n-1].End <= gap {
			out[n-1].End = s.End
		} else {
			out = append(out, s)
		}
	}
	return out
}

// Total is the length of all of them.
func Total(all []Span) (n int64) {
	for _, s := range all {
		n += s.Len()
	}
	return n
}
