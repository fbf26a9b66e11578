package launcher

import (
	"bytes"
	"encoding/json"
	"testing"
)

// What is written and read without encoding/json is what that would have done.
func FuzzPlainJSON(f *testing.F) {
	for _, s := range []string{"", "\n", "plain\n", "part", "a\"b\\c\n", "<&>\n", "tab\t\n", "ü\xff\n", "two\nlines\n", "\x7f\n"} {
		f.Add([]byte(s))
	}
	w := newLog(f, logConfig{Driver: "json-file"})
	f.Fuzz(func(t *testing.T, text []byte) {
		want, err := json.Marshal(string(text))
		if err != nil {
			t.Fatal(err)
		}
		got := w.appendJSON(nil, text)
		if !bytes.Equal(got, want) {
			t.Fatalf("%q is %s, want %s", text, got, want)
		}
		line := append(append([]byte(`{"log":`), got...), `,"stream":"stderr","time":"2026-01-02T03:04:05Z"}`+"\n"...)
		e, ok := (&logReader{json: true}).parse(line)
		var back string
		if err := json.Unmarshal(want, &back); err != nil {
			t.Fatal(err)
		}
		if !ok || string(e.text) != back || !e.err || e.partial == bytes.HasSuffix(text, []byte("\n")) || string(e.time) != "2026-01-02T03:04:05Z" {
			t.Fatalf("%s is %q, partial %v", line, e.text, e.partial)
		}
	})
}

// Whatever else somebody wrote there is read as encoding/json reads it.
func FuzzParsePlain(f *testing.F) {
	f.Add([]byte(`{"log":"x\n","stream":"stdout","time":"t"}`))
	f.Add([]byte(`{"log":"x","stream":"stderr","time":"t","log":"y"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
			return // encoding/json refuses what is shown here
		}
		line = append(line, '\n')
		e, ok := parsePlain(bytes.Clone(line))
		if !ok {
			return
		}
		var j struct{ Log, Stream, Time string }
		if err := json.Unmarshal(line, &j); err != nil || j.Log != string(e.text) || j.Time != string(e.time) || (j.Stream == "stderr") != e.err {
			t.Fatalf("%q: %q %q, by encoding/json %+v, %v", line, e.text, e.time, j, err)
		}
	})
}
