package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const testID = "5f3c000000000000000000000000000000000000000000000000000000000001"

// sample is a record with every field set and names that need quotes.
func sample() *Record {
	return &Record{
		Ref:      "debian:12",
		ID:       testID,
		Names:    []string{"docker.io/library/debian:12", "localhost/my \"deb\":1"},
		Digest:   "sha256:" + testID,
		Platform: "linux/arm/v7",
		Size:     123456,
		MaxUID:   65534, MaxGID: 7, HasIDs: true,
		Config: Config{
			User: "www-data:www-data", Env: []string{"PATH=/bin", "NL=a\nb", "EMPTY="},
			Entrypoint: []string{"/bin/sh", "-c", ""}, Cmd: []string{"echo \x00\xff ü"},
			WorkingDir: "/srv", StopSignal: "SIGQUIT",
			Labels:  map[string]string{"b": "", "a": "x y", "": "\\"},
			Volumes: []string{"/data"}, ExposedPorts: []string{"53/udp", "80/tcp"},
		},
		Raw: json.RawMessage("{\n \"os\": \"linux\"\n}"),
		Dir: "/home/a b/.local/share/containers/storage/overlay",
		Layers: []Layer{
			{Link: "l/ABCDEFGHIJKLMNOPQRSTUVWXYZ", Diff: "/home/a b/x/diff"},
			{Link: "/mnt/extra/overlay/l/Q", Diff: "/mnt/extra/overlay/q/diff"},
		},
		Tokens: []Token{{Lock, "/a/images.lock", "00ff"}, {Soft, "/a/layers.lock", ""}, {File, "/etc/x", "-"}},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, r := range map[string]*Record{
		"full":  sample(),
		"empty": {ID: testID, Dir: "/d", Size: -1},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(data)
			if err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			if !reflect.DeepEqual(got, r) {
				t.Errorf("got  %+v\nwant %+v", got, r)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, change := range map[string]func(*Record){
		"id":              func(r *Record) { r.ID = "zz" },
		"upper-case id":   func(r *Record) { r.ID = strings.ToUpper(testID) },
		"relative dir":    func(r *Record) { r.Dir = "overlay" },
		"unclean dir":     func(r *Record) { r.Dir = "/a/../b" },
		"root dir":        func(r *Record) { r.Dir = "/" },
		"link leaves":     func(r *Record) { r.Layers[0].Link = "../x" },
		"link option":     func(r *Record) { r.Layers[0].Link = "l/a:b" },
		"link second":     func(r *Record) { r.Layers[0].Link = "l/a,upperdir=b" },
		"no diff":         func(r *Record) { r.Layers[0].Diff = "" },
		"too many layers": func(r *Record) { r.Layers = make([]Layer, MaxLayers+1) },
		"too large":       func(r *Record) { r.Config.Env = []string{strings.Repeat("x", MaxSize)} },
	} {
		t.Run(name, func(t *testing.T) {
			r := sample()
			change(r)
			if _, err := r.Encode(); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestDamage flips each byte of a record: none may decode.
func TestDamage(t *testing.T) {
	data, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 0x20
		if _, err := Decode(bad); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: error %v", i, err)
		}
		if _, err := Decode(data[:i]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut at %d: error %v", i, err)
		}
	}
}

// resum gives a body the check sum it needs, as somebody hostile would.
func resum(body string) []byte {
	w := writer{buf: []byte(magic + body)}
	return fmt.Appendf(w.buf, "sum %08x\n", checksum(w.buf))
}

func TestHostileLines(t *testing.T) {
	const good = "id " + testID + "\ndir \"/d\"\n"
	if _, err := Decode(resum(good)); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"unknown 1\n", "\n", "id\n", "id \n", "size x\n", "size 1 2\n", "ids 1\n", "ids 1 x\n", "ids x 1\n",
		"ids 4294967296 1\n", "layer \"l/A\"\n", "layer \"l/A\" \"/x\" \"y\"\n", "layer \"../A\" \"/x\"\n",
		"layer \"l/A\" \"x\"\n", "env \"a\n", "env \"a\"b\n", "env \"a\" \n", "env a  b\n", "no newline",
		"raw 5\nabc\n", "raw -1\n\n", "raw x\n\n", "raw 1\naraw 1\na\n", "raw 1\na\nraw 1\nb\n", "dir \"/d/\"\n",
	} {
		if r, err := Decode(resum(good + line)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: error %v, record %+v", line, err, r)
		}
	}
	if _, err := Decode(make([]byte, MaxSize+1)); !errors.Is(err, ErrDamaged) {
		t.Errorf("large: %v", err)
	}
}

func TestSaveLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records", "abc")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	want := sample()
	want.Config.Env = append(want.Config.Env, strings.Repeat("y", 100<<10)) // more than one read
	for range 2 {
		if err := want.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if names, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	if err := os.WriteFile(path, make([]byte, MaxSize+2), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.Is(err, ErrDamaged) {
		t.Errorf("large: %v", err)
	}
	if err := want.Save("/dev/null/x"); err == nil {
		t.Error("saved below a file")
	}
	if err := (&Record{}).Save(path); err == nil {
		t.Error("saved an empty record")
	}
}

func TestKey(t *testing.T) {
	env := map[string]string{"HOME": "/home/ana"}
	q := Query{Ref: "debian", UID: 1000, Dir: "/a", Env: func(k string) string { return env[k] }}
	base := q.Key()
	if len(base) != 64 || base != q.Key() {
		t.Fatalf("key %q", base)
	}
	q2 := q
	q2.Dir = "/b"
	if q2.Key() != base {
		t.Error("the directory counts for a name")
	}
	q.Ref, q2.Ref = "oci:x", "oci:x"
	if q.Key() == q2.Key() {
		t.Error("the directory does not count for a file")
	}
	seen := map[string]string{base: "base"}
	for name, other := range map[string]Query{
		"ref":      {Ref: "debian:12", UID: 1000, Env: q.Env},
		"platform": {Ref: "debian", Platform: "linux/arm64", UID: 1000, Env: q.Env},
		"build":    {Ref: "debian", Build: "2", UID: 1000, Env: q.Env},
		"uid":      {Ref: "debian", UID: 1001, Env: q.Env},
		"env":      {Ref: "debian", UID: 1000, Env: func(string) string { return "" }},
		"shift":    {Ref: "debia", Platform: "n", UID: 1000, Env: q.Env},
	} {
		k := other.Key()
		if was, ok := seen[k]; ok {
			t.Errorf("%s has the key of %s", name, was)
		}
		seen[k] = name
	}
}

func TestIsFile(t *testing.T) {
	for ref, want := range map[string]bool{
		"debian": false, "docker://x": false, "containers-storage:x": false, "a/b": false, ".a": false,
		"oci:d": true, "oci-archive:f:1": true, "docker-archive:f": true, "dir:x": true,
		"./x": true, "../x": true, "/x": true, ".": true, "..": true,
	} {
		if IsFile(ref) != want {
			t.Errorf("%q: %v", ref, !want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, _ := sample().Encode()
	body := data[len(magic) : len(data)-len("sum 00000000\n")]
	f.Add(body)
	f.Add([]byte("id " + testID + "\ndir \"/d\"\n"))
	f.Add([]byte("raw 1\na\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Decode(resum(string(body)))
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		r2, err := Decode(again)
		if err != nil || !reflect.DeepEqual(r, r2) {
			t.Fatalf("not the same after a round trip: %v\n%+v\n%+v", err, r, r2)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	r := sample()
	for i := range 20 {
		r.Layers = append(r.Layers, Layer{fmt.Sprintf("l/%026d", i), "/home/ana/.local/share/containers/storage/overlay/" + testID + "/diff"})
		r.Config.Env = append(r.Config.Env, fmt.Sprintf("VARIABLE_%d=/usr/local/sbin:/usr/local/bin", i))
	}
	r.Raw = json.RawMessage(`{"x":"` + strings.Repeat("y", 6000) + `"}`)
	data, err := r.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
