package chunked

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	tarsplit "github.com/vbatts/tar-split/tar/storage"

	"github.com/vbatts/tar-split/tar/asm"
)

// window bounds what the content of a file may make us remember, in bytes.
const window = 128 << 20

// Tar writes the layer's archive. have opens a file's content where it lies
// already, nil if it does not; blob reads the blob from a place on, to the end of
// the span at least, and is called in the order of the archive.
func (t *Table) Tar(w io.Writer, have func(i int) (io.ReadCloser, error), blob func(i int) (io.Reader, error)) error {
	split, err := inflate(t.split, t.plain)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIndex, err)
	}
	defer split.Close()
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	return asm.WriteOutputTarStream(&files{t: t, have: have, blob: blob, z: z}, tarsplit.NewJSONUnpacker(split), w)
}

// files gives the assembler the files, in their order.
type files struct {
	t    *Table
	have func(int) (io.ReadCloser, error)
	blob func(int) (io.Reader, error)
	z    *zstd.Decoder
	next int
}

// Get implements tarsplit.FileGetter.
func (f *files) Get(name string) (io.ReadCloser, error) {
	name = clean(name)
	if f.next >= len(f.t.Files) || f.t.Files[f.next].Name != name {
		return nil, fmt.Errorf("%w: it lacks %.200q, or has it in another order", ErrIndex, name)
	}
	i := f.next
	f.next++
	if in, err := f.have(i); in != nil || err != nil {
		return in, err
	}
	in, err := f.blob(i)
	if err != nil {
		return nil, err
	}
	of := f.t.Files[i]
	rest := io.LimitReader(in, of.Len())
	if err := f.z.Reset(rest); err != nil {
		return nil, err
	}
	return &content{io.LimitReader(f.z, of.Size), rest}, nil
}

// content reads the rest of a file's part, so that the next follows.
type content struct {
	io.Reader
	rest io.Reader
}

func (c *content) Close() error {
	_, err := io.Copy(io.Discard, c.rest)
	return err
}
