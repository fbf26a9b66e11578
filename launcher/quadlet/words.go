package quadlet

import (
	"errors"
	"strings"
)

var errQuote = errors.New("a quote is not closed, or a backslash ends it")

// escapes are those of systemd.syntax(7) that stand for one character.
var escapes = strings.NewReplacer(`\a`, "\a", `\b`, "\b", `\f`, "\f", `\n`, "\n", `\r`, "\r", `\t`, "\t", `\v`, "\v", `\s`, " ", `\\`, `\`, `\"`, `"`, `\'`, "'")

// words splits a value as systemd does: at spaces, with quotes around words and
// C's escapes.
func words(s string) ([]string, error) {
	var list []string
	var w strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			if i+1 == len(s) {
				return nil, errQuote
			}
			i++
			w.WriteString(escapes.Replace(s[i-1 : i+1]))
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			w.WriteByte(c)
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if in {
				list = append(list, w.String())
				w.Reset()
			}
			in = false
		default:
			w.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	if in {
		list = append(list, w.String())
	}
	return list, nil
}

// quoted is a word as a command line of a unit has it. Specifiers (%h) stay: they
// are systemd's in the file, and stay so.
func quoted(w string) string {
	if w != "" && strings.IndexFunc(w, special) < 0 {
		return w
	}
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\a", `\a`, "\b", `\b`, "\f", `\f`, "\v", `\v`)
	return `"` + r.Replace(w) + `"`
}

func special(r rune) bool {
	return r <= ' ' || strings.ContainsRune(`"'\;`, r)
}
