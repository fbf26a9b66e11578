package text

import (
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// NewTable returns what aligns the columns of a list, given lines of cells with
// a tab between them.
func NewTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 10, 2, 2, ' ', 0) }

// Table writes rows of cells in columns, the titles above them unless there are
// none. Cells are made printable.
func Table(w io.Writer, titles []string, rows [][]string) error {
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(strings.Map(flat, Printable(cell)))
		}
		b.WriteByte('\n')
	}
	if titles != nil {
		line(titles)
	}
	for _, r := range rows {
		line(r)
	}
	tw := NewTable(w)
	if _, err := io.WriteString(tw, b.String()); err != nil {
		return err
	}
	return tw.Flush()
}

// flat keeps a cell in its cell.
func flat(r rune) rune {
	if r == '\t' || r == '\n' {
		return ' '
	}
	return r
}

// Printable keeps what an image's author wrote from steering the terminal:
// control characters (C0, C1), and marks that turn the direction of text, which
// make a name look like another.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}
