//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"time"

	"coracle/storage/record"

	"go.podman.io/image/v5/types"
)

// stall is how long a registry may be silent in the middle of a blob.
const stall = 60 * time.Second

// progressMade is how many bytes make up for an earlier failure: a bad line
// brings a large blob all the same, a registry that gives nothing is given up.
const progressMade = 1 << 20

// errStalled is what became of a connection that we closed ourselves.
var errStalled = failf(record.ErrNetwork, "the registry sent nothing for too long")

// errTruncated: the stream ended in good order, before its time.
var errTruncated = fmt.Errorf("the blob is not complete: %w", io.ErrUnexpectedEOF)

// errNoRanges: the registry gives blobs as a whole only, or the transport is none
// of a registry's.
var errNoRanges = errors.New("it cannot be fetched in parts")

// A blobStream is one blob as it comes from its source, started again where it
// broke off. What follows it is none the wiser, so that unpacking goes on.
//
// The docker transport reconnects on its own when a connection breaks, at most
// once a minute or megabyte. Everything else is done here: silence, servers
// that end early or answer 5xx, many breaks, and registries that know no ranges
// (what came already is read again and thrown away).
type blobStream struct {
	ctx   context.Context
	src   types.ImageSource
	cache types.BlobInfoCache
	info  types.BlobInfo
	again retrying
	stall time.Duration

	// until is the end of the part that is asked for, 0 for all. A part comes by
	// HTTP Range or not at all.
	until int64

	body  io.ReadCloser
	stop  context.CancelCauseFunc // of the body's own context
	watch *time.Timer
	at    int64 // bytes read
	tries int   // since mark
	mark  int64 // offset of the last failure
	err   error // to be returned by the next Read
}

func (e *engine) blobStream(ctx context.Context, src types.ImageSource, info types.BlobInfo, cache types.BlobInfoCache) *blobStream {
	return &blobStream{ctx: ctx, src: src, info: info, cache: cache, again: e.retrying(), stall: stall, mark: -progressMade}
}

// Read implements io.Reader.
func (b *blobStream) Read(p []byte) (int, error) {
	for b.err == nil {
		n, err := b.read(p)
		b.at += int64(n)
		if end := b.end(); errors.Is(err, io.EOF) && end >= 0 && b.at < end {
			err = errTruncated
		}
		if err != nil && !errors.Is(err, io.EOF) {
			err = b.recover(err)
		}
		b.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// end is where the stream ends, -1 if unknown.
func (b *blobStream) end() int64 {
	if b.until > 0 {
		return b.until
	}
	return b.info.Size
}

// read is one attempt, watched.
func (b *blobStream) read(p []byte) (n int, err error) {
	if b.body == nil {
		ctx, stop := context.WithCancelCause(b.ctx)
		b.stop = stop
		// The library waits up to four times a minute when told to (429).
		b.watch = time.AfterFunc(5*b.stall, func() { stop(errStalled) })
		if b.body, err = b.open(ctx); err != nil {
			return 0, b.cause(ctx, err)
		}
		b.body = &watched{b.body, ctx}
	}
	b.watch.Reset(b.stall)
	n, err = b.body.Read(p)
	b.watch.Stop()
	return n, err
}

// watched gives reads the reason why their context ended.
type watched struct {
	io.ReadCloser
	ctx context.Context
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && w.ctx.Err() != nil {
		err = context.Cause(w.ctx)
	}
	return n, err
}

func (b *blobStream) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// open connects, from the offset on where that is possible.
func (b *blobStream) open(ctx context.Context) (io.ReadCloser, error) {
	if b.at > 0 || b.until > 0 {
		if body := b.openAt(ctx); body != nil {
			return body, nil
		}
		if b.until > 0 {
			return nil, errNoRanges
		}
	}
	body, size, err := b.src.GetBlob(ctx, b.info, b.cache)
	if err != nil {
		return nil, err
	}
	if size >= 0 && b.info.Size >= 0 && size != b.info.Size {
		body.Close()
		return nil, failf(record.ErrCorrupt, "it has %d bytes where it comes from, and %d by the manifest", size, b.info.Size)
	}
	if b.info.Size < 0 {
		b.info.Size = size
	}
	// Bytes that came before are not looked at again: the digest is of those that
	// were passed on, and shows if these continue other ones.
	if err := b.skip(body); err != nil {
		body.Close()
		return nil, err
	}
	return body, nil
}

func (b *blobStream) skip(body io.Reader) error {
	buf := make([]byte, 32<<10)
	for left := b.at; left > 0; {
		b.watch.Reset(b.stall)
		n, err := body.Read(buf[:min(left, int64(len(buf)))])
		if left -= int64(n); err != nil && left > 0 {
			return fmt.Errorf("reading again what came already: %w", err)
		}
	}
	return nil
}

// openAt asks for the rest only (HTTP Range). The transport's method for it,
// GetBlobAt, has an internal type of the library in its signature (a struct of
// offset and length); reflection is the only way to it. nil: not possible.
func (b *blobStream) openAt(ctx context.Context) io.ReadCloser {
	method := reflect.ValueOf(b.src).MethodByName("GetBlobAt")
	if !method.IsValid() || len(b.info.URLs) > 0 {
		return nil
	}
	t := method.Type()
	if t.NumIn() != 3 || t.NumOut() != 3 || t.In(2).Kind() != reflect.Slice || t.In(2).Elem().Kind() != reflect.Struct {
		return nil
	}
	chunk := reflect.New(t.In(2).Elem()).Elem()
	offset, length := chunk.FieldByName("Offset"), chunk.FieldByName("Length")
	if !offset.IsValid() || offset.Kind() != reflect.Uint64 || !length.IsValid() || length.Kind() != reflect.Uint64 {
		return nil
	}
	offset.SetUint(uint64(b.at))
	length.SetUint(math.MaxUint64) // "to the end"
	if b.until > 0 {
		length.SetUint(uint64(b.until - b.at))
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(b.info), reflect.Append(reflect.Zero(t.In(2)), chunk)})
	streams, ok1 := out[0].Interface().(chan io.ReadCloser)
	errs, ok2 := out[1].Interface().(chan error)
	if !out[2].IsNil() || !ok1 || !ok2 {
		return nil
	}
	body := firstPart(ctx, streams, errs)
	if b.until > 0 && emulated(body) {
		body.Close()
		return nil
	}
	return body
}

// emulated tells that the registry sent the whole blob instead of a part, which the
// transport then cuts out (splitHTTP200ResponseToPartial): not before it has read
// all that comes earlier, so it shows with the beginning of a blob only.
func emulated(body io.ReadCloser) bool {
	return body != nil && reflect.TypeOf(body).Name() == "signalCloseReader"
}

func firstPart(ctx context.Context, streams chan io.ReadCloser, errs chan error) io.ReadCloser {
	select {
	case body, ok := <-streams:
		if !ok {
			return nil
		}
		return body
	case <-errs:
	case <-ctx.Done():
	}
	return nil
}

// recover decides whether a failure is the end, and waits if it is not.
func (b *blobStream) recover(err error) error {
	b.drop()
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	if !passing(err) {
		return err
	}
	if b.at-b.mark >= progressMade {
		b.tries = 0
	}
	b.mark = b.at
	if !b.again.pause(b.ctx, b.tries) {
		if b.tries > 0 {
			err = fmt.Errorf("%w (after %d of %d bytes, and %d tries more)", err, b.at, b.info.Size, b.tries)
		}
		return err
	}
	b.tries++
	return nil
}

func (b *blobStream) drop() {
	if b.body != nil {
		b.body.Close()
		b.body = nil
	}
	if b.stop != nil {
		b.watch.Stop()
		b.stop(nil)
		b.stop = nil
	}
}

// Close implements io.Closer.
func (b *blobStream) Close() error {
	b.drop()
	return nil
}
