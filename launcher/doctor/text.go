package doctor

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes checks for people: a line each, and below those that are
// not ok what it costs and what to type. color adds SGR colors to the verdict.
func WriteText(w io.Writer, checks []Check, color bool) error {
	width := 0
	for _, c := range checks {
		width = max(width, len(c.Name))
	}
	var b strings.Builder
	count := map[Status]int{}
	for _, c := range checks {
		count[c.Status]++
		fmt.Fprintf(&b, "%s  %-*s  %s\n", verdict(c.Status, color), width, c.Name, visible(c.Detail))
		under(&b, "cost", c.Cost)
		under(&b, "fix", c.Fix)
	}
	fmt.Fprintf(&b, "\n%d ok, %d warn, %d fail\n", count[OK], count[Warn], count[Fail])
	_, err := io.WriteString(w, b.String())
	return err
}

func verdict(s Status, color bool) string {
	padded := fmt.Sprintf("%-4s", s)
	if !color {
		return padded
	}
	codes := map[Status]string{OK: "32", Warn: "33", Fail: "31"}
	return "\x1b[" + codes[s] + "m" + padded + "\x1b[0m"
}

// under writes text below its check, further lines under the first.
func under(b *strings.Builder, label, text string) {
	if text == "" {
		return
	}
	for i, l := range strings.Split(text, "\n") {
		if i == 0 {
			fmt.Fprintf(b, "      %-6s%s\n", label+":", visible(l))
		} else {
			fmt.Fprintf(b, "            %s\n", visible(l))
		}
	}
}

// visible keeps control characters, which names and paths may hold, from the
// terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
