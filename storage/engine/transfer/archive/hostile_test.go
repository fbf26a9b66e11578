//go:build containers_image_openpgp

package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostile has archives that somebody made to hurt.
func TestHostile(t *testing.T) {
	item := func(config string, layers ...string) entry {
		data, _ := json.Marshal([]dockerItem{{Config: config, Layers: layers}})
		return entry{name: "manifest.json", data: string(data)}
	}
	conf := entry{name: "c", data: config("l")}
	for name, tt := range map[string]struct {
		entries []entry
		say     string
	}{
		"empty":                   {nil, "it is empty"},
		"no image":                {[]entry{{name: "x"}}, "coracle import"},
		"absolute name":           {[]entry{{name: "/etc/passwd"}}, "leads out"},
		"parent":                  {[]entry{{name: "a/../../x"}}, "leads out"},
		"link out":                {[]entry{{name: "a/b", kind: tar.TypeSymlink, link: "../../x"}}, "leads out"},
		"absolute link":           {[]entry{{name: "a", kind: tar.TypeSymlink, link: "/etc/passwd"}}, "leads out"},
		"hard link out":           {[]entry{{name: "a/b", kind: tar.TypeLink, link: "../x"}}, "leads out"},
		"device":                  {[]entry{{name: "a", kind: tar.TypeChar}}, "neither file"},
		"pipe":                    {[]entry{{name: "a", kind: tar.TypeFifo}}, "neither file"},
		"long name":               {[]entry{{name: strings.Repeat("x/", 3000) + "y"}}, "longer than"},
		"twice, different":        {[]entry{{name: "a", data: "1"}, {name: "./a", data: "2"}}, "twice"},
		"twice, link":             {[]entry{{name: "a", data: "1"}, {name: "a", kind: tar.TypeSymlink, link: "b"}}, "twice"},
		"no JSON":                 {[]entry{{name: "manifest.json", data: "x"}}, "manifest.json"},
		"no images":               {[]entry{{name: "manifest.json", data: "[]"}}, "0 images"},
		"many images":             {[]entry{{name: "manifest.json", data: "[" + strings.Repeat("{},", 1000) + "{}]"}}, "1001 images"},
		"huge manifest":           {[]entry{{name: "manifest.json", data: strings.Repeat(" ", maxJSON+1)}}, "at most"},
		"huge index":              {[]entry{{name: "index.json", data: strings.Repeat(" ", maxJSON+1)}}, "at most"},
		"bad index":               {[]entry{{name: "index.json", data: "{"}}, "index.json"},
		"empty index":             {[]entry{{name: "index.json", data: "{}"}}, "0 images"},
		"digest with a path":      {[]entry{{name: "index.json", data: `{"manifests":[{"digest":"sha256:../../x"}]}`}}, "index.json"},
		"manifest.json is a loop": {[]entry{{name: "manifest.json", kind: tar.TypeSymlink, link: "m"}, {name: "m", kind: tar.TypeSymlink, link: "manifest.json"}}, "link to a link"},
		"no configuration":        {[]entry{item("none")}, `no "none"`},
		"configuration out":       {[]entry{item("../../etc/passwd")}, "leads out"},
		"huge configuration":      {[]entry{item("c"), {name: "c", data: strings.Repeat(" ", maxJSON+1)}}, "at most"},
		"bad configuration":       {[]entry{item("c"), {name: "c", data: "["}}, `"c"`},
		"missing layer":           {[]entry{item("c", "l"), conf}, `no "l"`},
		"layer out":               {[]entry{item("c", "/dev/zero"), conf}, "leads out"},
		"too many layers":         {[]entry{item("c", "l", "l"), conf, {name: "l", data: "l"}}, "lists 1 layers, manifest.json 2"},
		"bad diff id":             {[]entry{item("c", "l"), {name: "c", data: `{"rootfs":{"diff_ids":["sha256:x"]}}`}, {name: "l"}}, "layer 1"},
		"bad compression":         {[]entry{item("c", "l"), conf, {name: "l", data: gz(strings.Repeat("l", 10000))[:30]}}, `"l"`},
	} {
		a, err := open(t, pack(t, tt.entries...))
		if err == nil {
			_, err = a.Images[0].Ref.NewImageSource(context.Background(), nil)
		}
		if !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: %v, want %q", name, err, tt.say)
		}
	}
}

// TestTwice has a member that comes twice with the same content, as some tools
// write it.
func TestTwice(t *testing.T) {
	e := dockerFile()
	if _, err := open(t, pack(t, append(e, e[3])...)); err != nil {
		t.Error(err)
	}
}

func TestTruncated(t *testing.T) {
	whole := pack(t, dockerFile()...)
	for _, n := range []int{100, 700, 1200, 2100} {
		a, err := open(t, whole[:n])
		if !errors.Is(err, ErrArchive) {
			t.Errorf("%d bytes: %+v %v", n, a, err)
		}
	}
	// Sizes that lie.
	long := bytes.Replace(whole, []byte("00000000003"), []byte("77777777777"), 1)
	if _, err := open(t, long); !errors.Is(err, ErrArchive) {
		t.Errorf("a size of eight gigabytes: %v", err)
	}
}

func TestManyEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("short: a hundred thousand entries")
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range maxEntries + 1 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if _, err := open(t, b.Bytes()); !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// TestHostileDirectory has links and pipes in the place of files.
func TestHostileDirectory(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"link out": func(p string) error { return os.Symlink("/etc/passwd", p) },
		"pipe":     mkfifo,
		"dir":      func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, "index.json")); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := Open(f, dir); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(f, "x"); !errors.Is(err, ErrArchive) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(pack(f, dockerFile()...))
	f.Add(pack(f, ociFile(f)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := readIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for name, m := range x.members {
			if !filepath.IsLocal(name) || m.link != "" && !filepath.IsLocal(m.link) {
				t.Errorf("%q -> %q", name, m.link)
			}
			if m.link == "" && (m.offset < 0 || m.size < 0 || m.offset+m.size > int64(len(data))) {
				t.Errorf("%q lies at %d+%d of %d", name, m.offset, m.size, len(data))
			}
		}
		for _, images := range []func(tree, place) ([]Image, error){dockerImages, ociImages} {
			all, err := images(x, place{})
			if err != nil {
				continue
			}
			for _, i := range all {
				src, err := i.Ref.NewImageSource(context.Background(), nil)
				if err != nil {
					continue
				}
				_, _, _ = src.GetManifest(context.Background(), nil)
			}
		}
	})
}
