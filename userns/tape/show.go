package tape

import (
	"strconv"
	"strings"
)

// shown bounds what one argument takes on a line of --explain.
const shown = 100

func quote(s string) string {
	if len(s) > shown {
		return strconv.Quote(s[:shown]) + "…"
	}
	return strconv.Quote(s)
}

func quoteAll(v []string) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, s := range v {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > shown {
			b.WriteString("…")
			break
		}
		b.WriteString(quote(s))
	}
	b.WriteByte(']')
	return b.String()
}

func (a Arg) String() string {
	switch {
	case a.Text != "":
		return a.Text
	case a.Slot != 0:
		return "%" + strconv.Itoa(int(a.Slot))
	case a.Blob != nil:
		return strconv.Itoa(len(a.Blob.Data)) + " bytes"
	case int64(a.Num) < 0 && int64(a.Num) > -4096:
		return strconv.FormatInt(int64(a.Num), 10)
	}
	return strconv.FormatUint(a.Num, 10)
}

// String shows the operation as `%7 = openat(…)`, a line without its reason.
func (o Op) String() string {
	var b strings.Builder
	if o.Into != 0 {
		b.WriteString("%" + strconv.Itoa(int(o.Into)) + " = ")
	}
	b.WriteString(o.Call.String())
	b.WriteByte('(')
	for i, a := range o.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.String())
	}
	b.WriteByte(')')
	for i, e := range o.Allow {
		if i == 0 {
			b.WriteString(" unless ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(errnoName(e))
	}
	return b.String()
}
