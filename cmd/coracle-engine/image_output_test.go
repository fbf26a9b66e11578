//go:build containers_image_openpgp

package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"coracle/storage/engine/images"
	"coracle/storage/record"
)

func TestPrintTree(t *testing.T) {
	leaf := &images.Node{ID: strings.Repeat("c", 64), Size: 3, Images: []string{"localhost/x\x1b[2J:1"}}
	roots := []*images.Node{
		{ID: strings.Repeat("a", 64), Size: 1000, Children: []*images.Node{{ID: strings.Repeat("b", 64), Children: []*images.Node{leaf}}, leaf}},
		leaf,
	}
	var b strings.Builder
	if err := printTree(&b, strings.Repeat("d", 64), []string{"n"}, 5, roots); err != nil {
		t.Fatal(err)
	}
	const want = `Image ID: dddddddddddd
Tags:     [n]
Size:     5 B
Image Layers
├── ID: aaaaaaaaaaaa Size: 1 kB
│   ├── ID: bbbbbbbbbbbb Size: 0 B
│   │   └── ID: cccccccccccc Size: 3 B Top Layer of: [localhost/x?[2J:1]
│   └── ID: cccccccccccc Size: 3 B Top Layer of: [localhost/x?[2J:1]
└── ID: cccccccccccc Size: 3 B Top Layer of: [localhost/x?[2J:1]
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := printTree(&b, "x", nil, 0, nil); err != nil || !strings.HasSuffix(b.String(), "No Image Layers\n") {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestHistoryRow(t *testing.T) {
	step := images.Step{ID: strings.Repeat("a", 64), Created: time.Unix(0, 0).UTC(), CreatedBy: strings.Repeat("long\tcommand ", 10), Size: 1500}
	short, whole := (&history{Human: true}).row(step), (&history{NoTrunc: true}).row(step)
	if short.ID != "aaaaaaaaaaaa" || len(short.CreatedBy) != shownBy || !strings.HasSuffix(short.CreatedBy, "...") || short.Size != "1.5 kB" || !strings.HasSuffix(short.Created(), "ago") {
		t.Errorf("%+v", short)
	}
	if whole.ID != step.ID || whole.CreatedBy != step.CreatedBy || whole.Size != "1500" || whole.Created() != "1970-01-01T00:00:00Z" {
		t.Errorf("%+v", whole)
	}
	if r := (&history{}).row(images.Step{}); r.ID != missing {
		t.Errorf("%+v", r)
	}
}

func TestPrintableWriter(t *testing.T) {
	var b strings.Builder
	if n, err := (printableWriter{&b}).Write([]byte("a\x1bb\n")); n != 4 || err != nil || b.String() != "a?b\n" {
		t.Errorf("%d, %v, %q", n, err, b.String())
	}
}

func TestRmiStatus(t *testing.T) {
	for err, want := range map[error]int{
		errors.Join(errors.New("x"), images.ErrInUse):      exitInUse,
		errors.Join(record.ErrNotFound, errors.New("x")):   exitNoImage,
		errors.Join(record.ErrNotFound, images.ErrInUse):   exitInUse,
		errors.Join(errors.New("x"), images.ErrReadOnly):   exitFailed,
		errors.Join(errors.New("broken store, no status")): exitFailed,
	} {
		got := exitFailed
		var status errStatus
		if errors.As((&rmi{}).status(err), &status) {
			got = status.code
		}
		if got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
	if err := (&rmi{}).status(nil); err != nil {
		t.Error(err)
	}
}
