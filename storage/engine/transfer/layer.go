//go:build containers_image_openpgp

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"github.com/vbatts/tar-split/tar/asm"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"

	"coracle/storage/engine"
)

// ErrLayer is in the error of a layer whose archive cannot be made again as it
// was, which would give the image another digest.
var ErrLayer = errors.New("the layer is not as it was stored")

// A layer is one of an image in the store.
type layer struct {
	store  *engine.Store
	id     string
	diffID digest.Digest // of its archive, uncompressed
	size   int64         // of the same, -1 unknown
	tmp    string        // a directory for large files
}

// layersOf are an image's layers, bottom first. diffIDs are its configuration's.
func layersOf(s *engine.Store, img *storage.Image, diffIDs []digest.Digest, tmp string) ([]layer, error) {
	layers := make([]layer, len(diffIDs))
	i := len(diffIDs)
	for id := img.TopLayer; id != ""; {
		l, err := s.Layer(id)
		if err != nil {
			return nil, fmt.Errorf("image %s lacks its layer %s: %w", img.ID, id, err)
		}
		if i--; i < 0 {
			return nil, fmt.Errorf("image %s has more layers than the %d in its configuration", img.ID, len(diffIDs))
		}
		layers[i] = layer{store: s, id: id, diffID: diffIDs[i], size: -1, tmp: tmp}
		if l.UncompressedDigest == diffIDs[i] {
			layers[i].size = l.UncompressedSize
		}
		id = l.Parent
	}
	if i != 0 {
		return nil, fmt.Errorf("image %s has %d layers fewer than its configuration says", img.ID, i)
	}
	return layers, nil
}

// open returns the layer's archive. Its end is an ErrLayer unless all of it was
// what the diff id says.
func (l layer) open(ctx context.Context) (io.ReadCloser, error) {
	split, err := l.tarSplit()
	if err != nil {
		return nil, err
	}
	var in io.ReadCloser
	if split == nil {
		in, err = l.spool()
	} else {
		in, err = l.assemble(split)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read layer %s: %w", l.id, err)
	}
	return newChecked(ctx, in, l.diffID, l.size), nil
}

// tarSplit opens the store's notes on how the archive was made; nil when there
// are none.
func (l layer) tarSplit() (*os.File, error) {
	roots, err := l.store.Roots()
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		f, err := os.Open(filepath.Join(root, "overlay-layers", l.id+".tar-split.gz"))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, nil
}

// assemble makes the archive again from the notes and the layer's files.
func (l layer) assemble(split *os.File) (io.ReadCloser, error) {
	plain, err := gzip.NewReader(split)
	if err != nil {
		split.Close()
		return nil, err
	}
	dirs, err := l.store.LayerDirs(l.id)
	var files layerFiles
	if err == nil {
		files, err = openFiles(dirs)
	}
	if err != nil {
		split.Close()
		return nil, err
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(asm.WriteOutputTarStream(files, tarsplit.NewJSONUnpacker(plain), w))
	}()
	return &assembled{PipeReader: r, close: func() {
		<-done
		plain.Close()
		split.Close()
		files.close()
	}}, nil
}

// spool makes an archive of a layer that came without notes, through the store.
// That holds the store's lock, which must not wait for a registry.
func (l layer) spool() (io.ReadCloser, error) {
	plain := archive.Uncompressed
	in, err := l.store.Diff("", l.id, &storage.DiffOptions{Compression: &plain})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	f, err := os.CreateTemp(l.tmp, "layer-")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	if _, err = io.Copy(f, in); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// assembled ends the goroutine that writes before it closes what that reads.
type assembled struct {
	*io.PipeReader
	close func()
}

func (a *assembled) Close() error {
	a.PipeReader.Close()
	a.close()
	return nil
}

// checked refuses the end of a stream that is not what it should be.
type checked struct {
	io.ReadCloser
	ctx  context.Context
	sum  digest.Digester
	want digest.Digest
	size int64
	have int64
}

func newChecked(ctx context.Context, in io.ReadCloser, want digest.Digest, size int64) *checked {
	return &checked{ReadCloser: in, ctx: ctx, sum: want.Algorithm().Digester(), want: want, size: size}
}

func (c *checked) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.ReadCloser.Read(p)
	c.sum.Hash().Write(p[:n])
	c.have += int64(n)
	switch {
	case c.size >= 0 && c.have > c.size:
		return 0, fmt.Errorf("%w: its archive is longer than %d bytes", ErrLayer, c.size)
	case errors.Is(err, io.EOF) && c.sum.Digest() != c.want:
		return n, fmt.Errorf("%w: its archive has the digest %s, the image says %s\n  fix: coracle system check", ErrLayer, c.sum.Digest(), c.want)
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("%w: %w\n  fix: coracle system check", ErrLayer, err)
	}
	return n, err
}
