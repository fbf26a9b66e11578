//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"

	"coracle/storage/engine/chunked"
	"coracle/storage/engine/decode"
	"coracle/storage/engine/unpack"

	"go.podman.io/storage"
)

// errWhole says that a layer has to be fetched as a whole.
var errWhole = errors.New("the layer is not worth, or not fit for, being fetched in parts")

// Bounds of fetching in parts: blobs that are smaller come as fast, and so does one
// of which most is missing. What is compared are the youngest layers of the store.
const (
	partialSize   = 1 << 20
	partialShare  = 4 // at least one of so many parts must be there already
	partialLayers = 256
)

// fromParts unpacks a zstd:chunked layer of files that other layers have and of the
// parts of the blob with the others. The diff id of all is verified, as it is of a
// whole blob. After errWhole nothing is in dest.
func (d *differ) fromParts(dest string, o unpack.Options, split *os.File) (*unpack.Result, error) {
	index, ok := chunked.FindIndex(d.info.Annotations, d.info.Size)
	if !ok || d.info.Size < partialSize || !empty(dest) {
		return nil, errWhole
	}
	dirs, err := d.c.e.youngLayers()
	if err != nil || len(dirs) == 0 {
		return nil, errWhole
	}
	p := &parts{d: d}
	p.bar = d.c.e.bars.reader(d.info.Digest, p)
	defer p.close()
	if err := p.plan(index, dirs); err != nil {
		return nil, d.whole(err)
	}
	r, err := p.unpack(dest, o)
	if err == nil {
		d.inParts = true
		return r, nil
	}
	if err := d.whole(err); !errors.Is(err, errWhole) {
		return nil, err
	}
	if err := wipe(dest, split); err != nil {
		return nil, err
	}
	return nil, errWhole
}

// whole is errWhole, unless the whole blob would meet the same trouble.
func (d *differ) whole(err error) error {
	var id *unpack.IDError
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.As(err, &id) {
		return err
	}
	return errWhole
}

// parts is one layer that is put together.
type parts struct {
	d     *differ
	table *chunked.Table
	local *chunked.Local
	spans []chunked.Span // to fetch
	come  atomic.Int64   // bytes, fetched and found
	now   *blobStream    // of the index, then of spans[0]
	bar   io.Reader      // now, whichever that is, as progress sees it
	in    io.Reader      // what is left of the part
}

// Read implements io.Reader.
func (p *parts) Read(b []byte) (int, error) { return p.now.Read(b) }

func (p *parts) close() {
	if p.local != nil {
		p.local.Close()
	}
	if p.now != nil {
		p.now.Close()
	}
}

// part begins to fetch a part of the blob.
func (p *parts) part(s chunked.Span) {
	if p.now != nil {
		p.now.Close()
	}
	p.now = p.d.c.e.blobStream(p.d.ctx, p.d.c.f.src, p.d.info, &p.d.c.cache)
	p.now.at, p.now.until = s.At, s.End
	p.in = io.LimitReader(p.bar, s.Len())
}

func (p *parts) plan(index *chunked.Index, dirs []string) (err error) {
	// Does this registry give parts at all? Asked once for each layer, with four bytes.
	p.part(chunked.Span{At: 0, End: 4})
	if _, err := io.Copy(io.Discard, p.in); err != nil {
		return err
	}
	p.part(index.Span)
	data, err := io.ReadAll(p.in)
	if err != nil {
		return err
	}
	if p.table, err = index.Read(data); err != nil {
		return err
	}
	if p.local, err = p.table.FindLocal(p.d.ctx, dirs); err != nil {
		return err
	}
	var ok bool
	if p.spans, ok = p.table.Spans(func(i int) bool { return !p.local.Has(i) }); !ok {
		return chunked.ErrIndex
	}
	if size := p.d.info.Size; chunked.Total(p.spans) > size-size/partialShare {
		return errWhole
	}
	p.come.Store(index.Len() + p.local.Bytes)
	if len(p.spans) > 0 {
		p.part(p.spans[0])
	}
	return nil
}

// blob reads on to the content of file i.
func (p *parts) blob(i int) (io.Reader, error) {
	f := p.table.Files[i]
	for len(p.spans) > 0 && p.spans[0].End <= f.At {
		if p.spans = p.spans[1:]; len(p.spans) > 0 {
			p.part(p.spans[0])
		}
	}
	if len(p.spans) == 0 || f.At < p.now.at || f.End > p.spans[0].End {
		return nil, fmt.Errorf("%w: %.200q is in no part", chunked.ErrIndex, f.Name)
	}
	_, err := io.CopyN(io.Discard, p.in, f.At-p.now.at)
	return &counted{p.in, &p.come}, err
}

// unpack makes the tar and unpacks it at once.
func (p *parts) unpack(dest string, o unpack.Options) (*unpack.Result, error) {
	r, w := io.Pipe()
	made := make(chan struct{})
	go func() {
		defer close(made)
		w.CloseWithError(p.table.Tar(w, func(i int) (io.ReadCloser, error) { return p.local.Open(p.table, i) }, p.blob))
	}()
	sum := p.d.diffID.Algorithm().Digester()
	in := decode.NewAhead(r, sum.Hash())
	defer func() {
		r.Close() // ends who writes, and with that who reads
		in.Close()
		<-made
	}()
	o.Compressed = p.come.Load
	result, err := unpack.Unpack(p.d.ctx, in, dest, o)
	if err != nil {
		return nil, err
	}
	in.Close()
	if got := sum.Digest(); got != p.d.diffID {
		return nil, mismatch("it, put together,", p.d.diffID, got)
	}
	return result, nil
}

// youngLayers are the directories of the store's layers, the youngest first.
func (e *engine) youngLayers() ([]string, error) {
	layers, err := e.store.Layers()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(layers, func(a, b storage.Layer) int { return b.Created.Compare(a.Created) })
	roots, err := e.roots()
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, l := range layers[:min(len(layers), partialLayers)] {
		found, err := layerDirs(roots, l.ID)
		if err != nil {
			continue // it went just now, or has another form
		}
		for _, f := range found {
			dirs = append(dirs, f.Diff)
		}
	}
	return dirs, nil
}

func empty(dir string) bool {
	names, err := os.ReadDir(dir)
	return err == nil && len(names) == 0
}

// wipe makes room for another try.
func wipe(dir string, split *os.File) error {
	names, err := os.ReadDir(dir)
	for _, n := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, n.Name())))
	}
	_, serr := split.Seek(0, io.SeekStart)
	return errors.Join(err, split.Truncate(0), serr)
}
