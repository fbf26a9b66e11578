package dns

import (
	"errors"
	"strings"
)

// ErrMalformed says that a message is not one of DNS.
var ErrMalformed = errors.New("malformed DNS message")

// Bounds of names (RFC 1035, 2.3.4), in bytes.
const (
	mostLabel = 63
	mostName  = 255 // as it is sent
)

// readName reads the name at an offset and returns it in lower case, without the
// dot at the end, and where it ends. Bytes that a host's name does not have are
// written \DDD as in RFC 1035, 5.1, the dot too: two names are the same if and only
// if their texts are.
func readName(b []byte, at int) (name string, end int, err error) {
	var text strings.Builder
	size, least := 0, at
	for {
		if at >= len(b) {
			return "", 0, ErrMalformed
		}
		n := int(b[at])
		switch {
		case n >= 0xc0: // RFC 1035, 4.1.4
			if at+1 >= len(b) {
				return "", 0, ErrMalformed
			}
			if end == 0 {
				end = at + 2
			}
			// Always further back than ever before: that ends.
			to := n&0x3f<<8 | int(b[at+1])
			if to >= least || to < headerLen {
				return "", 0, ErrMalformed
			}
			at, least = to, to
			continue
		case n > mostLabel:
			return "", 0, ErrMalformed
		}
		at++
		if size += n + 1; at+n > len(b) || size > mostName {
			return "", 0, ErrMalformed
		}
		if n == 0 {
			if end == 0 {
				end = at
			}
			return text.String(), end, nil
		}
		if text.Len() > 0 {
			text.WriteByte('.')
		}
		for _, c := range b[at : at+n] {
			writeByte(&text, c)
		}
		at += n
	}
}

func writeByte(text *strings.Builder, c byte) {
	switch {
	case c >= 'A' && c <= 'Z':
		text.WriteByte(c - 'A' + 'a')
	case c <= ' ', c == '.', c == '\\', c >= 0x7f:
		text.Write([]byte{'\\', '0' + c/100, '0' + c/10%10, '0' + c%10})
	default:
		text.WriteByte(c)
	}
}

// putName appends a name as it is sent; not ok when it is not one.
func putName(b []byte, name string) (_ []byte, ok bool) {
	start := len(b)
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > mostLabel || strings.Contains(label, "\\") {
			return b[:start], false
		}
		b = append(append(b, byte(len(label))), label...)
	}
	if b = append(b, 0); len(b)-start > mostName {
		return b[:start], false
	}
	return b, true
}
