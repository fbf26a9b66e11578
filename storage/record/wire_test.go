package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestReadAnswer(t *testing.T) {
	want := &Answer{Record: sample(), Pulled: true, Notes: []string{"n"}}
	want.Record.Raw = json.RawMessage(`{"os":"linux"}`) // JSON compacts it
	want.Record.Config.Cmd = nil                        // JSON has no way for bytes that are not UTF-8
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadAnswer(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got.Record, want.Record)
	}
}

func TestReadAnswerProblem(t *testing.T) {
	a, err := ReadAnswer(strings.NewReader(`{"Notes":["n"],"Problem":{"error":"no image x","kind":"not-found"}}`))
	err = fmt.Errorf("run: %w", err)
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrAuth) || errors.Is(err, ErrDamaged) {
		t.Errorf("kind of %v", err)
	}
	if err.Error() != "run: no image x" || len(a.Notes) != 1 {
		t.Errorf("%v, %+v", err, a)
	}
}

func TestReadAnswerRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty": "", "text": "panic: x", "two": "{}{}",
		"hostile": `{"Record":{"ID":"../x"}}`,
		"large":   strings.Repeat(" ", maxAnswer+1),
	} {
		if _, err := ReadAnswer(strings.NewReader(in)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEnviron(t *testing.T) {
	got := Environ([]string{"HOME=/h", "SECRET=1", "LD_PRELOAD=x", "PATH=/bin", "STORAGE_OPTS=a=b", "_CONTAINERS_ROOTLESS_UID=7", "odd"}, 1000, 100)
	want := []string{
		"HOME=/h", "PATH=/bin", "STORAGE_OPTS=a=b",
		"_CONTAINERS_USERNS_CONFIGURED=done", "_CONTAINERS_ROOTLESS_UID=1000", "_CONTAINERS_ROOTLESS_GID=100",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
