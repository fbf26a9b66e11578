package quadlet

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid says that a file cannot be read as a .container file.
var ErrInvalid = errors.New("not a valid .container file")

// limit bounds a file.
const limit = 1 << 20

// entry is KEY=VALUE, with the line it begins in.
type entry struct {
	line       int
	key, value string
}

// File is a .container file.
type File struct {
	name     string // for messages
	sections map[string][]entry
}

// fail is an error about a line.
func (f *File) fail(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w: %s", f.name, line, ErrInvalid, fmt.Sprintf(format, args...))
}

// Parse reads the text of a file: sections of KEY=VALUE lines, a line that ends
// in a backslash going on in the next one, comments after # and ; (systemd.syntax(7)).
// Keys of [Container] are checked. Errors are [ErrInvalid].
func Parse(name, text string) (*File, error) {
	f := &File{name: name, sections: make(map[string][]entry)}
	if len(text) > limit {
		return nil, f.fail(1, "longer than %d bytes", limit)
	}
	section := ""
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line, at := strings.TrimSpace(lines[i]), i+1
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			next := strings.TrimSpace(lines[i])
			if next != "" && (next[0] == '#' || next[0] == ';') {
				continue // a comment does not end what it stands in
			}
			line = strings.TrimSuffix(line, `\`) + " " + next
		}
		if strings.ContainsAny(line, "\x00\r") {
			return nil, f.fail(at, "it holds a NUL or a carriage return")
		}
		if line[0] == '[' {
			var err error
			if section, err = f.section(at, line); err != nil {
				return nil, err
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		switch {
		case !ok || key == "":
			return nil, f.fail(at, "%q is not KEY=VALUE", line)
		case section == "":
			return nil, f.fail(at, "%s stands before the first [section]", key)
		}
		f.sections[section] = append(f.sections[section], entry{at, key, strings.TrimSpace(value)})
	}
	return f, f.check()
}

// section reads the title of a section.
func (f *File) section(at int, line string) (string, error) {
	name, ok := strings.CutSuffix(line[1:], "]")
	if !ok {
		return "", f.fail(at, "%q is not [SECTION]", line)
	}
	switch name {
	case "Container", "Unit", "Service", "Install":
		return name, nil
	}
	if strings.HasPrefix(name, "X-") && !strings.ContainsAny(name, "[]") {
		return name, nil // systemd.syntax(7): for other programs
	}
	return "", f.fail(at, "the section [%s] is not known: Container, Unit, Service and Install are", name)
}

// check finds what is not known, before anything is done.
func (f *File) check() error {
	if len(f.sections["Container"]) == 0 {
		return f.fail(1, "it has no [Container] section")
	}
	for _, e := range f.sections["Container"] {
		if _, ok := keys()[e.key]; !ok {
			return f.fail(e.line, "the key %s of [Container] is not known", e.key)
		}
	}
	for _, e := range f.sections["Service"] {
		switch e.key {
		case "ExecStart", "ExecStop", "ExecStopPost", "Delegate", "KillMode", "NotifyAccess":
			return f.fail(e.line, "%s is set by coracle", e.key)
		case "Type":
			if e.value != "notify" {
				return f.fail(e.line, "Type=%s: only notify is possible, which is there without saying", e.value)
			}
		}
	}
	_, err := f.command("x", "/", "x")
	return err
}

// values are those of a key of [Container]; an empty one takes back what came before.
func (f *File) values(key string) (list []entry) {
	for _, e := range f.sections["Container"] {
		switch {
		case e.key != key:
		case e.value == "":
			list = nil
		default:
			list = append(list, e)
		}
	}
	return list
}

// last is the value of a key that has one, "" for none.
func (f *File) last(key string) (value string, line int) {
	if list := f.values(key); len(list) > 0 {
		e := list[len(list)-1]
		return e.value, e.line
	}
	return "", 1
}
