package record

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden is sample() as version 1 of the format has it. If a change of the
// program changes this text, the magic has to change with it: records of the
// old program must be absent for the new one, and the other way round.
const golden = `coracle-record 1
ref "debian:12"
id ` + testID + `
name "docker.io/library/debian:12"
name "localhost/my \"deb\":1"
digest "sha256:` + testID + `"
platform "linux/arm/v7"
size 123456
ids 65534 7
dir "/home/a b/.local/share/containers/storage/overlay"
layer "l/ABCDEFGHIJKLMNOPQRSTUVWXYZ" "/home/a b/x/diff"
layer "/mnt/extra/overlay/l/Q" "/mnt/extra/overlay/q/diff"
user "www-data:www-data"
env "PATH=/bin"
env "NL=a\nb"
env "EMPTY="
entrypoint "/bin/sh"
entrypoint "-c"
entrypoint ""
cmd "echo \x00\xff ü"
workdir "/srv"
stopsignal "SIGQUIT"
label "" "\\"
label "a" "x y"
label "b" ""
volume "/data"
port "53/udp"
port "80/tcp"
lock "/a/images.lock" "00ff"
soft "/a/layers.lock" ""
file "/etc/x" "-"
raw 18
{
 "os": "linux"
}
`

func TestGolden(t *testing.T) {
	data, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	text = text[:strings.LastIndex(text, "sum ")]
	if text == golden {
		return
	}
	got, want := strings.Split(text, "\n"), strings.Split(golden, "\n")
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("line %d:\n got  %s\n want %s", i+1, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

func TestOtherVersion(t *testing.T) {
	w := writer{buf: []byte(strings.Replace(golden, "record 1", "record 2", 1))}
	w.buf = append(w.buf, "sum 00000000\n"...)
	if _, err := Decode(w.buf); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

// TestRawTooLarge has a configuration that no launch needs: it is left out, the
// rest is kept.
func TestRawTooLarge(t *testing.T) {
	r := sample()
	r.Raw = []byte(`"` + strings.Repeat("x", maxRaw) + `"`)
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil || got.Raw != nil || got.ID != r.ID {
		t.Errorf("%v, raw %d bytes", err, len(got.Raw))
	}
}

func TestValue(t *testing.T) {
	for _, tt := range []struct {
		in, v, rest string
		ok          bool
	}{
		{`a`, "a", "", true},
		{`a b`, "a", "b", true},
		{`"a b" "c"`, "a b", `"c"`, true},
		{`"\x00" c`, "\x00", "c", true},
		{"`raw`", "`raw`", "", true},
		{``, "", "", false},
		{`a `, "a", "", false},
		{` a`, "", "a", false},
		{`"a`, "", "", false},
		{`"a" `, "", "", false},
		{`"a"b`, "", "", false},
		{`"\q"`, "", "", false},
	} {
		v, rest, ok := value(tt.in)
		if ok != tt.ok || ok && (v != tt.v || rest != tt.rest) {
			t.Errorf("%q: %q, %q, %v", tt.in, v, rest, ok)
		}
	}
}

// TestLoadIsNoTrap gives Load things that are not files.
func TestLoadIsNoTrap(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil {
		t.Error("loaded a directory")
	}
	link := filepath.Join(dir, "loop")
	if err := os.Symlink(link, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(link); err == nil {
		t.Error("loaded a loop")
	}
	if err := sample().Save(filepath.Join(link, "x")); err == nil {
		t.Error("saved into a loop")
	}
	if _, err := Load("/dev/null"); !errors.Is(err, ErrDamaged) {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := Load("/dev/zero"); !errors.Is(err, ErrDamaged) {
		t.Errorf("an endless file: %v", err)
	}
}

// TestSaveFails leaves no temporary file when the last step cannot be done.
func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := sample().Save(path); err == nil {
		t.Error("a record took a directory's place")
	}
	if names, _ := filepath.Glob(dir + "/.new-*"); names != nil {
		t.Errorf("left behind %q", names)
	}
}
