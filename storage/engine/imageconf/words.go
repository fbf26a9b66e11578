package imageconf

import (
	"errors"
	"fmt"
	"strings"
)

// maxExpanded bounds an instruction after its variables have been put in, in
// bytes: ENV A=$A$A doubles with each use.
const maxExpanded = 1 << 20

// lexer takes a line apart into words as a Dockerfile's builder does: blanks
// separate; double quotes keep blanks, single quotes keep all; a backslash
// keeps what follows it; $NAME, ${NAME}, ${NAME:-WORD} and ${NAME:+WORD} stand
// for a variable.
type lexer struct {
	in     string
	lookup func(name string) string
}

// words splits s.
func (c *changing) words(s string) ([]string, error) {
	l := &lexer{in: s, lookup: c.variable}
	var words []string
	total := 0
	for {
		l.in = strings.TrimLeft(l.in, " \t\n")
		if l.in == "" {
			return words, nil
		}
		w, err := l.word()
		if err != nil {
			return nil, err
		}
		if total += len(w); total > maxExpanded {
			return nil, fmt.Errorf("with its variables it is longer than %d bytes", maxExpanded)
		}
		words = append(words, w)
	}
}

// one is words for an instruction that takes exactly one.
func (c *changing) one(s string) (string, error) {
	words, err := c.words(s)
	if err == nil && (len(words) != 1 || words[0] == "") {
		err = errors.New("it takes one value")
	}
	if err != nil {
		return "", err
	}
	return words[0], nil
}

// pairs reads "k=v k=v" or, with one pair, the old form "k v".
func (c *changing) pairs(s string) (pairs [][2]string, err error) {
	first, rest, _ := strings.Cut(s, " ")
	if !strings.Contains(first, "=") {
		value, err := (&lexer{in: strings.TrimSpace(rest), lookup: c.variable}).all()
		if err != nil {
			return nil, err
		}
		if rest == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE", first)
		}
		return [][2]string{{first, value}}, nil
	}
	words, err := c.words(s)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE", short(w))
		}
		pairs = append(pairs, [2]string{key, value})
	}
	return pairs, nil
}

// variable is one of the image's environment; unknown ones are empty.
func (c *changing) variable(name string) string {
	for _, kv := range c.Env {
		if key, value, _ := strings.Cut(kv, "="); key == name {
			return value
		}
	}
	return ""
}

// word reads one word; the input does not begin with a blank.
func (l *lexer) word() (string, error) { return l.until(" \t\n") }

// all reads the rest as one word.
func (l *lexer) all() (string, error) { return l.until("") }

func (l *lexer) until(blanks string) (string, error) {
	var w strings.Builder
	for l.in != "" && !strings.ContainsRune(blanks, rune(l.in[0])) {
		if w.Len() > maxExpanded {
			return "", fmt.Errorf("with its variables it is longer than %d bytes", maxExpanded)
		}
		c := l.take()
		switch c {
		case '\'':
			text, rest, ok := strings.Cut(l.in, "'")
			if !ok {
				return "", errors.New("a single quote is open")
			}
			w.WriteString(text)
			l.in = rest
		case '"':
			if err := l.quoted(&w); err != nil {
				return "", err
			}
		case '\\':
			if l.in == "" {
				return "", errors.New("a backslash at the end")
			}
			w.WriteByte(l.take())
		case '$':
			if err := l.expand(&w); err != nil {
				return "", err
			}
		default:
			w.WriteByte(c)
		}
	}
	return w.String(), nil
}

// quoted reads to the closing double quote.
func (l *lexer) quoted(w *strings.Builder) error {
	for l.in != "" && w.Len() <= maxExpanded {
		switch c := l.take(); c {
		case '"':
			return nil
		case '\\':
			// As in a shell: only these lose the backslash.
			if l.in != "" && strings.ContainsRune(`"$\`, rune(l.in[0])) {
				c = l.take()
			}
			w.WriteByte(c)
		case '$':
			if err := l.expand(w); err != nil {
				return err
			}
		default:
			w.WriteByte(c)
		}
	}
	return errors.New("a double quote is open")
}

// expand writes the variable that follows a dollar.
func (l *lexer) expand(w *strings.Builder) error {
	if !strings.HasPrefix(l.in, "{") {
		n := nameLen(l.in)
		if n == 0 {
			w.WriteByte('$')
			return nil
		}
		w.WriteString(l.lookup(l.in[:n]))
		l.in = l.in[n:]
		return nil
	}
	inner, rest, ok := strings.Cut(l.in[1:], "}")
	n := nameLen(inner)
	if !ok || n == 0 {
		return fmt.Errorf("${%s is no variable", short(inner))
	}
	l.in = rest
	value, how := l.lookup(inner[:n]), inner[n:]
	switch {
	case how == "":
	case strings.HasPrefix(how, ":-") && value == "", strings.HasPrefix(how, ":+") && value != "":
		value = how[2:]
	case strings.HasPrefix(how, ":-"), strings.HasPrefix(how, ":+"):
	default:
		return fmt.Errorf("${%s} is not ${NAME}, ${NAME:-WORD} or ${NAME:+WORD}", short(inner))
	}
	w.WriteString(value)
	return nil
}

// nameLen is how many bytes of s are a variable's name.
func nameLen(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

func (l *lexer) take() byte {
	c := l.in[0]
	l.in = l.in[1:]
	return c
}
