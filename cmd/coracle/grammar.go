package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// kong reads a grammar from the tags of a struct, flag by flag; with the ninety
// flags of run that takes 1.5 ms, a fifth of a launch. Flags that the command
// line cannot mean need not be in it: parse makes a struct of the others, has
// kong fill that, and copies. Whatever fails is parsed again with the whole
// grammar, so that errors, suggestions and rare forms are kong's own.

// parse fills v, a pointer to a struct with kong's tags, from args.
func parse(name string, v any, args []string) error {
	whole := reflect.ValueOf(v).Elem()
	fields := wanted(whole, args)
	part := reflect.New(structOf(fields))
	for i, f := range fields {
		part.Elem().Field(i).Set(f.value)
	}
	if k, err := parser(name, part.Interface()); err == nil {
		if _, err := k.Parse(args); err == nil {
			for i, f := range fields {
				f.value.Set(part.Elem().Field(i))
			}
			return lacksValue(fields, args)
		}
	}
	k, err := parser(name, v)
	if err != nil {
		return err
	}
	_, err = k.Parse(args)
	return err
}

// lacksValue finds a flag at the end of the line without its value, which kong
// takes for the empty string.
func lacksValue(fields []field, args []string) error {
	if len(args) == 0 || slices.ContainsFunc(fields, func(f field) bool { return has(f.Tag, "arg") && f.value.Len() > 0 }) {
		return nil
	}
	last := args[len(args)-1:]
	words, letters := mentioned(last)
	for _, f := range fields {
		v := f.value
		if v.Kind() == reflect.Slice && v.Len() > 0 {
			v = v.Index(v.Len() - 1)
		}
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if (letters[f.Tag.Get("short")] || mentions(words, f)) && !strings.Contains(last[0], "=") && v.Kind() == reflect.String && v.Len() == 0 {
			return fmt.Errorf("flag %s has no value", last[0])
		}
	}
	return nil
}

func parser(name string, v any, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(v, append(options, kong.Name("coracle "+name), kong.NoDefaultHelp(), kong.WithHyphenPrefixedParameters(true))...)
}

// field is a flag or positional of a grammar.
type field struct {
	reflect.StructField
	value reflect.Value
}

// wanted are the fields that args may mean, and all that are no flags.
func wanted(s reflect.Value, args []string) (fields []field) {
	words, letters := mentioned(args)
	for i := range s.NumField() {
		f := field{s.Type().Field(i), s.Field(i)}
		switch {
		case f.Anonymous:
			fields = append(fields, wanted(f.value, args)...)
		case has(f.Tag, "arg"):
			fields = append(fields, f)
		case letters[f.Tag.Get("short")] || mentions(words, f):
			fields = append(fields, f)
		case f.Tag.Get("default") != "":
			// kong sets defaults of what it knows.
			if f.Type.Kind() == reflect.Bool {
				f.value.SetBool(f.Tag.Get("default") == "true")
			} else {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// mentioned are the words after two dashes and the letters after one, without
// regard to what is a value: a word too many costs microseconds.
func mentioned(args []string) (words, letters map[string]bool) {
	words, letters = make(map[string]bool), make(map[string]bool)
	for _, a := range args {
		if w, ok := strings.CutPrefix(a, "--"); ok {
			w, _, _ = strings.Cut(w, "=")
			words[w] = true
			words[strings.TrimPrefix(w, "no-")] = true
		} else if w, ok := strings.CutPrefix(a, "-"); ok {
			for _, l := range w {
				letters[string(l)] = true
			}
		}
	}
	delete(letters, "")
	return words, letters
}

func mentions(words map[string]bool, f field) bool {
	name := f.Tag.Get("name")
	if name == "" {
		name = kebab(f.Name)
	}
	if words[name] {
		return true
	}
	for _, a := range strings.Split(f.Tag.Get("aliases"), ",") {
		if a != "" && words[a] {
			return true
		}
	}
	return false
}

// kebab is kong's name of a field that names itself: ReadOnlyTmpfs is
// read-only-tmpfs. Fields in which it would be unclear have a name tag.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func has(tag reflect.StructTag, key string) bool {
	_, ok := tag.Lookup(key)
	return ok
}

// structOf makes a struct of fields. Help and placeholders stay behind: nobody
// reads them here, and kong looks for variables in every one.
func structOf(fields []field) reflect.Type {
	list := make([]reflect.StructField, len(fields))
	for i, f := range fields {
		list[i] = reflect.StructField{Name: f.Name, Type: f.Type, Tag: without(f.Tag, "help", "placeholder")}
	}
	return reflect.StructOf(list)
}

func without(tag reflect.StructTag, keys ...string) reflect.StructTag {
	for _, k := range keys {
		v, ok := tag.Lookup(k)
		if !ok {
			continue
		}
		for _, quoted := range []string{k + ":" + quoteTag(v) + " ", " " + k + ":" + quoteTag(v), k + ":" + quoteTag(v)} {
			if s := string(tag); strings.Contains(s, quoted) {
				tag = reflect.StructTag(strings.Replace(s, quoted, "", 1))
				break
			}
		}
	}
	return tag
}

func quoteTag(v string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), `"`, `\"`) + `"`
}
