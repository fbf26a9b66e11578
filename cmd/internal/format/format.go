// Package format prints what list and inspect commands found, in the ways that
// docker and podman have taught: a default table, "json", "table TEMPLATE" and
// Go templates. Start from [List] and [Inspect].
package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/template"
	"unicode/utf8"

	"coracle/cmd/internal/text"
)

// List is how to print the rows of a list command.
type List struct {
	// Format is the user's --format, empty for Default.
	Format string
	// Default is a template without the word table: "{{.ID}}\t{{.Name}}".
	Default string
	// Headers are column titles by field. Others are made from the field's
	// name: RepoTags is REPO TAGS.
	Headers map[string]string
	// NoHeading leaves the titles out.
	NoHeading bool
}

// JSONer is a row that looks different in JSON than in templates.
type JSONer interface {
	// JSON returns the value to encode.
	JSON() any
}

// Print writes rows, a slice of structs or of pointers to such. Exported fields
// and methods without arguments can be used in templates.
func (l List) Print(w io.Writer, rows any) error {
	list := reflect.ValueOf(rows)
	switch strings.TrimSpace(l.Format) {
	case "json":
		return printJSON(w, list)
	case "", "table":
		return l.table(w, l.Default, list)
	}
	text := unescape(l.Format)
	if rest, ok := strings.CutPrefix(text, "table "); ok {
		return l.table(w, strings.TrimSpace(rest), list)
	}
	if strings.HasPrefix(strings.ReplaceAll(text, " ", ""), "{{range.") {
		t, err := parse(text)
		if err != nil {
			return err
		}
		return execute(w, t, rows)
	}
	t, err := parse(text)
	if err != nil {
		return err
	}
	for i := range list.Len() {
		if err := execute(w, t, list.Index(i).Interface()); err != nil {
			return err
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
	}
	return nil
}

func printJSON(w io.Writer, list reflect.Value) error {
	all := make([]any, 0, list.Len())
	for i := range list.Len() {
		all = append(all, jsonOf(list.Index(i).Interface()))
	}
	return encode(w, all)
}

func jsonOf(v any) any {
	if j, ok := v.(JSONer); ok {
		return j.JSON()
	}
	return v
}

func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "     ") // podman's and docker's indentation differ; clients parse
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escape(b.Bytes()))
	return err
}

// escape writes DEL and the controls from 0x80 to 0x9f, which can stand in strings
// only, as \u00xx: encoding/json leaves them, and some terminals obey them.
func escape(text []byte) []byte {
	var b bytes.Buffer
	for len(text) > 0 {
		i := bytes.IndexFunc(text, func(r rune) bool { return r >= 0x7f && r <= 0x9f })
		if i < 0 {
			break
		}
		r, n := utf8.DecodeRune(text[i:])
		b.Write(text[:i])
		fmt.Fprintf(&b, "\\u%04x", r)
		text = text[i+n:]
	}
	b.Write(text)
	return b.Bytes()
}

func (l List) table(w io.Writer, source string, list reflect.Value) error {
	t, err := parse(source)
	if err != nil {
		return err
	}
	tw := text.NewTable(w)
	if !l.NoHeading {
		h := headers{}
		for name := range fieldsOf(list.Type().Elem()) {
			h[name] = title(name)
		}
		for name, header := range l.Headers {
			h[name] = header
		}
		if err := execute(tw, t, h); err != nil {
			return err
		}
		fmt.Fprintln(tw)
	}
	for i := range list.Len() {
		var b bytes.Buffer
		if err := execute(&b, t, list.Index(i).Interface()); err != nil {
			return err
		}
		fmt.Fprintln(tw, text.Printable(b.String()))
	}
	return tw.Flush()
}

// Inspect writes values as a JSON array, or each through the template.
func Inspect(w io.Writer, format string, values []any) error {
	if f := strings.TrimSpace(format); f == "" || f == "json" {
		return printJSON(w, reflect.ValueOf(values))
	}
	t, err := parse(unescape(format))
	if err != nil {
		return err
	}
	for _, v := range values {
		var b bytes.Buffer
		if err := execute(&b, t, v); err != nil {
			b.Reset()
			if spelled(&b, t, v) != nil {
				return err
			}
		}
		b.WriteByte('\n')
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// spelled executes a template that has the names of the JSON form, as docker does
// when those of Go do not fit: {{(index .Ports 0).HostIp}} for HostIP.
func spelled(w io.Writer, t *template.Template, v any) error {
	b, err := json.Marshal(jsonOf(v))
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // or large ones are printed as 1e+06
	var plain any
	if err := d.Decode(&plain); err != nil {
		return err
	}
	if t, err = t.Clone(); err != nil {
		return err
	}
	return t.Option("missingkey=error").Execute(w, plain)
}

func parse(text string) (*template.Template, error) {
	t, err := template.New("format").Funcs(functions()).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--format: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	return t, nil
}

func execute(w io.Writer, t *template.Template, v any) error {
	if err := t.Execute(w, v); err != nil {
		return fmt.Errorf("--format: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	return nil
}
