package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"text/template"
	"unicode"
)

// functions are docker's (docs.docker.com/engine/cli/formatting).
func functions() template.FuncMap {
	return template.FuncMap{
		"json":     toJSON,
		"split":    strings.Split,
		"join":     join,
		"title":    capitalize,
		"lower":    strings.ToLower,
		"upper":    strings.ToUpper,
		"pad":      pad,
		"truncate": Truncate,
	}
}

func toJSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(jsonOf(v)); err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(escape(b.Bytes())), "\n"), nil
}

// join takes any slice: what is a list of strings to one command is one of
// digests to another.
func join(list any, sep string) (string, error) {
	v := reflect.ValueOf(list)
	if !v.IsValid() {
		return "", nil
	}
	if s, ok := list.(string); ok { // a column's title
		return s, nil
	}
	if v.Kind() != reflect.Slice {
		return "", fmt.Errorf("join: %T is not a list", list)
	}
	var words []string
	for i := range v.Len() {
		words = append(words, fmt.Sprint(v.Index(i).Interface()))
	}
	return strings.Join(words, sep), nil
}

func capitalize(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

func pad(s string, before, after int) string {
	return strings.Repeat(" ", max(before, 0)) + s + strings.Repeat(" ", max(after, 0))
}

// headers stand in for a row when the titles of a table are printed.
type headers map[string]string

// Label is the title of {{.Label "key"}}.
func (headers) Label(key string) string { return strings.ToUpper(key) }

// fieldsOf yields the names of what a template may ask of a row.
func fieldsOf(t reflect.Type) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range t.NumMethod() {
			if !yield(t.Method(i).Name) {
				return
			}
		}
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return
		}
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() && !yield(f.Name) {
				return
			}
		}
	}
}

// title is a column's title made of a field's name: CreatedAt is CREATED AT.
func title(name string) string {
	var b strings.Builder
	r := []rune(name)
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToUpper(c))
	}
	return b.String()
}

// unescape reads the two escapes that a shell's single quotes leave. Those within
// {{…}} the template reads itself.
func unescape(s string) string {
	var b strings.Builder
	escapes := strings.NewReplacer(`\t`, "\t", `\n`, "\n")
	for {
		outside, rest, ok := strings.Cut(s, "{{")
		b.WriteString(escapes.Replace(outside))
		if !ok {
			return b.String()
		}
		action, after, closed := strings.Cut(rest, "}}")
		b.WriteString("{{" + action)
		if closed {
			b.WriteString("}}")
		}
		s = after
	}
}
