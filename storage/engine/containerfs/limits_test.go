package containerfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// nothing is a sink that reads what it is given, and keeps none of it.
type nothing struct{ members int }

func (n *nothing) Add(_ *tar.Header, content io.Reader) error {
	n.members++
	_, err := io.Copy(io.Discard, content)
	return err
}

func TestArchivesAreBounded(t *testing.T) {
	crowded := tar.Header{Name: "a", PAXRecords: map[string]string{}, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	for i := range maxAttrs + 1 {
		crowded.PAXRecords[fmt.Sprintf("%suser.%d", paxXattr, i)] = "x"
	}
	var attrs bytes.Buffer
	w := tar.NewWriter(&attrs)
	check(t, w.WriteHeader(&crowded))
	check(t, w.Close())
	small, big := archive(t, "a=", "b=", "c="), archive(t, "a="+strings.Repeat("x", 5000))
	for name, c := range map[string]struct {
		data []byte
		Limits
		want    error
		members int
	}{
		"three":             {small, Limits{Entries: 3}, nil, 3},
		"more than two":     {small, Limits{Entries: 2}, ErrLimit, 2},
		"attributes":        {attrs.Bytes(), Limits{}, ErrLimit, 0},
		"a name":            {archive(t, strings.Repeat("n/", 3000)+"x=y"), Limits{}, ErrFormat, 0},
		"text":              {[]byte(strings.Repeat("no archive\n", 100)), Limits{}, ErrFormat, 0},
		"cut in a member":   {big[:2000], Limits{}, ErrFormat, 1},
		"cut in a header":   {big[:200], Limits{}, ErrFormat, 0},
		"nothing":           {nil, Limits{}, nil, 0},
		"garbage after end": {append(bytes.Clone(small), "garbage"...), Limits{}, nil, 3},
	} {
		var to nothing
		if err := ReadArchive(context.Background(), bytes.NewReader(c.data), &to, c.Limits); !errors.Is(err, c.want) || to.members != c.members {
			t.Errorf("%s: %d members, %v", name, to.members, err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(big[:2000]), readerFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe }))
	if err := ReadArchive(context.Background(), broken, &nothing{}, Limits{}); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrFormat) {
		t.Errorf("a stream that breaks: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := ReadArchive(ctx, bytes.NewReader(small), &nothing{}, Limits{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A file of zeros as long as needed, of which the archive is told to have had
// little or much.
func TestArchiveRatio(t *testing.T) {
	const size = freeOfRatio + 1
	for packed, want := range map[int64]error{1 << 20: ErrLimit, 1 << 30: nil} {
		var head bytes.Buffer
		check(t, tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "zeros", Size: size, Typeflag: tar.TypeReg}))
		// Zeros fill the last block, and two more are the end.
		stream := io.MultiReader(&head, io.LimitReader(zeros{}, size+511+1024))
		err := ReadArchive(context.Background(), stream, &nothing{}, Limits{Compressed: func() int64 { return packed }})
		if !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", packed, err)
		}
	}
	b := newBounded(context.Background(), nil, Limits{Compressed: func() int64 { return 1 << 20 }})
	for size, inflated := range map[int64]bool{1 << 20: false, freeOfRatio: false, freeOfRatio + 1: true} {
		if b.size = size; b.inflated() != inflated {
			t.Errorf("%d bytes of 1 MiB: %v", size, !inflated)
		}
	}
}
