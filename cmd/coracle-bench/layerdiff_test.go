package main

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"testing"
)

func tarOf(t *testing.T, members ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range members {
		content := h.PAXRecords["content"]
		h.PAXRecords = nil
		h.Size = int64(len(content))
		check(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, content)
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

func regular(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, PAXRecords: map[string]string{"content": content}}
}

func hardLink(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
}

func directory(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

// layerOf is what a layer between two tars holds.
func layerOf(t *testing.T, before, after []byte) (names []string) {
	t.Helper()
	old, err := readSnapshot(bytes.NewReader(before))
	check(t, err)
	now, err := readSnapshot(bytes.NewReader(after))
	check(t, err)
	var layer bytes.Buffer
	check(t, writeLayer(&layer, bytes.NewReader(after), old, now))
	for r := tar.NewReader(&layer); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names
		}
		check(t, err)
		names = append(names, h.Name)
	}
}

func TestLayerBetweenSnapshots(t *testing.T) {
	base := []tar.Header{directory("./"), directory("./d/"), regular("./d/same", "1"), regular("./d/new", "1"), regular("./gone", "")}
	older := tarOf(t, append(base, directory("./tree/"), regular("./tree/a", ""))...)
	for name, tt := range map[string]struct {
		after []tar.Header
		want  []string
	}{
		"nothing": {append(slices.Clone(base), directory("tree"), regular("tree/a", "")), nil},
		"content": {[]tar.Header{directory("./"), directory("./d/"), regular("./d/same", "1"), regular("./d/new", "2"), regular("./gone", ""), directory("tree"), regular("tree/a", "")},
			[]string{"d/new"}},
		"deleted":    {[]tar.Header{directory("./"), directory("./d/"), regular("./d/same", "1"), regular("./d/new", "1")}, []string{".wh.gone", ".wh.tree"}},
		"a new link": {append(slices.Clone(base), directory("tree"), regular("tree/a", ""), hardLink("./link", "./d/same")), []string{"d/same", "link"}},
	} {
		if got := layerOf(t, older, tarOf(t, tt.after...)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	// A file that changed brings all its names.
	before := tarOf(t, regular("a", "1"), hardLink("b", "a"))
	if got := layerOf(t, before, tarOf(t, regular("a", "2"), hardLink("b", "a"))); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("linked: %q", got)
	}
	if got := layerOf(t, nil, older); len(got) != 6 {
		t.Errorf("the first layer: %q", got)
	}
}
