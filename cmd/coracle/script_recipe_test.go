package main_test

import (
	"archive/tar"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recipeLayer makes a layer from a file of lines such as
//
//	dir tmp mode=01777
//	file etc/motd mode=0644 owner=0:0 = "hello\n"
//
// Names are taken as they are, hostile ones too.
func recipeLayer(w *tar.Writer, file string, abs func(string) string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return recipe(w, string(text), abs)
}

func recipe(w *tar.Writer, text string, abs func(string) string) error {
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := recipeLine(w, line, abs); err != nil {
			return fmt.Errorf("line %d, %q: %w", n+1, line, err)
		}
	}
	return nil
}

// recipeKinds are the first words of lines: the type of the member, its
// default mode, and how many words follow the name.
func recipeKinds() map[string]struct {
	flag byte
	mode int64
	more int
} {
	return map[string]struct {
		flag byte
		mode int64
		more int
	}{
		"dir":      {tar.TypeDir, 0o755, 0},
		"file":     {tar.TypeReg, 0o644, 0},
		"copy":     {tar.TypeReg, 0o644, 1}, // SOURCE, in the script's directory
		"zeros":    {tar.TypeReg, 0o644, 1}, // SIZE
		"ln":       {tar.TypeSymlink, 0o777, 2},
		"link":     {tar.TypeLink, 0o644, 1}, // TARGET
		"fifo":     {tar.TypeFifo, 0o644, 0},
		"char":     {tar.TypeChar, 0o644, 2}, // MAJOR MINOR
		"block":    {tar.TypeBlock, 0o644, 2},
		"whiteout": {tar.TypeReg, 0o644, 0},
		"opaque":   {tar.TypeReg, 0o644, 0},
	}
}

// zerosLimit keeps a recipe from filling memory.
const zerosLimit = 256 << 20

func recipeLine(w *tar.Writer, line string, abs func(string) string) error {
	line, content, hasContent := strings.Cut(line, " = ")
	if strings.HasPrefix(content, `"`) {
		var err error
		if content, err = strconv.Unquote(content); err != nil {
			return err
		}
	}
	words := strings.Fields(line)
	kind, ok := recipeKinds()[words[0]]
	if !ok || len(words) < 2+kind.more || hasContent && words[0] != "file" {
		return fmt.Errorf("not a recipe")
	}
	h := tar.Header{Typeflag: kind.flag, Name: words[1], Mode: kind.mode}
	more := words[2 : 2+kind.more]
	if err := recipeOptions(&h, words[2+kind.more:]); err != nil {
		return err
	}
	data := []byte(content)
	var err error
	switch words[0] {
	case "ln":
		if more[0] != "->" {
			return fmt.Errorf("want: ln NAME -> TARGET")
		}
		h.Linkname = more[1]
	case "link":
		h.Linkname = more[0]
	case "copy":
		data, err = os.ReadFile(abs(more[0]))
	case "zeros":
		var size int
		if size, err = strconv.Atoi(more[0]); err == nil && (size < 0 || size > zerosLimit) {
			err = fmt.Errorf("size %d", size)
		}
		if err == nil {
			data = make([]byte, size)
		}
	case "char", "block":
		if h.Devmajor, err = strconv.ParseInt(more[0], 10, 32); err == nil {
			h.Devminor, err = strconv.ParseInt(more[1], 10, 32)
		}
	case "whiteout":
		h.Name = path.Join(path.Dir(h.Name), ".wh."+path.Base(h.Name))
	case "opaque":
		h.Name = path.Join(h.Name, ".wh..wh..opq")
	}
	if err != nil {
		return err
	}
	return entry(w, h, data)
}

// recipeOptions reads mode=, owner=UID:GID and xattr.NAME=VALUE.
func recipeOptions(h *tar.Header, options []string) error {
	for _, o := range options {
		key, value, ok := strings.Cut(o, "=")
		var err error
		switch {
		case !ok:
			err = fmt.Errorf("%q is not KEY=VALUE", o)
		case key == "mode":
			h.Mode, err = strconv.ParseInt(value, 8, 32)
		case key == "owner":
			_, err = fmt.Sscanf(value, "%d:%d", &h.Uid, &h.Gid)
		case strings.HasPrefix(key, "xattr."):
			if h.PAXRecords == nil {
				h.PAXRecords = map[string]string{}
			}
			h.PAXRecords["SCHILY."+key] = value
		default:
			err = fmt.Errorf("unknown option %q", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func epoch() time.Time  { return time.Unix(1, 0) }
func noTime() time.Time { return time.Time{} }

func TestRecipeErrors(t *testing.T) {
	for _, line := range []string{"moon x", "dir", "ln a b", "ln a to b", "char null 1", "char null x 3", "file f mode=9", "file f owner=x",
		"file f color=red", "file f word", `file f = "x`, "zeros z -1", "dir d = x"} {
		if err := recipeLine(tar.NewWriter(&strings.Builder{}), line, nil); err == nil {
			t.Errorf("%q passes", line)
		}
	}
}
