//go:build containers_image_openpgp

package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/types"
)

// A badSource gives one blob, with trouble: at each opening the next.
type badSource struct {
	types.ImageSource
	data     []byte
	troubles []trouble
	size     int64   // that it says; 0: the right one
	opened   []int64 // the offset of each opening
}

// A trouble is what happens after so many bytes.
type trouble struct {
	after int
	err   error // nil: silence
	open  error // instead of opening
}

func (s *badSource) GetBlob(ctx context.Context, _ types.BlobInfo, _ types.BlobInfoCache) (io.ReadCloser, int64, error) {
	s.opened = append(s.opened, 0)
	r, err := s.next(ctx, 0)
	size := s.size
	if size == 0 {
		size = int64(len(s.data))
	}
	return r, size, err
}

func (s *badSource) next(ctx context.Context, from int64) (io.ReadCloser, error) {
	if len(s.troubles) == 0 {
		return io.NopCloser(bytes.NewReader(s.data[from:])), nil
	}
	t := s.troubles[0]
	s.troubles = s.troubles[1:]
	if t.open != nil {
		return nil, t.open
	}
	return &badBody{Reader: bytes.NewReader(s.data[from:min(from+int64(t.after), int64(len(s.data)))]), ctx: ctx, err: t.err}, nil
}

type badBody struct {
	*bytes.Reader
	ctx context.Context
	err error
}

func (b *badBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (b *badBody) Close() error { return nil }

// chunkOf is what the library's internal type looks like.
type chunkOf struct{ Offset, Length uint64 }

// A rangedSource can begin in the middle, as the docker transport.
type rangedSource struct{ badSource }

// GetBlobAt is found by reflection.
func (s *rangedSource) GetBlobAt(ctx context.Context, _ types.BlobInfo, chunks []chunkOf) (chan io.ReadCloser, chan error, error) {
	if len(chunks) != 1 || chunks[0].Length != 1<<64-1 {
		return nil, nil, errors.New("not to the end")
	}
	s.opened = append(s.opened, int64(chunks[0].Offset))
	r, err := s.next(ctx, int64(chunks[0].Offset))
	if err != nil {
		return nil, nil, err
	}
	streams, errs := make(chan io.ReadCloser, 1), make(chan error)
	streams <- r
	close(streams)
	return streams, errs, nil
}

func TestResume(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	third := len(data) / 3
	bad := error(docker.UnexpectedHTTPStatusError{StatusCode: 502})
	small := func(n int) (all []trouble) {
		for range n {
			all = append(all, trouble{after: 100, err: syscall.ECONNRESET})
		}
		return all
	}
	for name, tt := range map[string]struct {
		troubles []trouble
		size     int64
		want     error  // nil: the blob comes whole
		says     string // of the error
		opened   []int64
	}{
		"well":              {opened: []int64{0}},
		"reset":             {troubles: []trouble{{after: third, err: syscall.ECONNRESET}}, opened: []int64{0, int64(third)}},
		"truncated":         {troubles: []trouble{{after: third, err: io.EOF}}, opened: []int64{0, int64(third)}},
		"silent":            {troubles: []trouble{{after: third}}, opened: []int64{0, int64(third)}},
		"5xx first":         {troubles: []trouble{{open: bad}, {open: bad}}, opened: []int64{0, 0, 0}},
		"much at a time":    {troubles: []trouble{{after: third, err: io.EOF}, {after: third, err: io.EOF}, {after: third - 1, err: io.EOF}}, opened: []int64{0, int64(third), int64(2 * third), int64(3*third - 1)}},
		"little each time":  {troubles: small(9), want: syscall.ECONNRESET, says: "after 400 of 3200000 bytes, and 3 tries more", opened: []int64{0, 100, 200, 300}},
		"silent forever":    {troubles: []trouble{{}, {}, {}, {}}, want: errStalled, says: "sent nothing", opened: []int64{0, 0, 0, 0}},
		"not the network's": {troubles: []trouble{{after: 10, err: syscall.EIO}}, want: syscall.EIO, opened: []int64{0}},
		"refused":           {troubles: []trouble{{open: syscall.ECONNREFUSED}}, want: syscall.ECONNREFUSED, opened: []int64{0}},
		"another length":    {size: 77, want: record.ErrCorrupt, says: "has 77 bytes", opened: []int64{0}},
	} {
		for _, ranged := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				r := &rangedSource{badSource{data: data, troubles: slices.Clone(tt.troubles), size: tt.size}}
				var src types.ImageSource = r
				if !ranged {
					src = &r.badSource
				}
				info := types.BlobInfo{Digest: digest.FromBytes(data), Size: int64(len(data))}
				b := (&engine{sleep: func(context.Context, time.Duration) error { return nil }}).blobStream(context.Background(), src, info, nil)
				b.stall = 20 * time.Millisecond
				got, err := io.ReadAll(b)
				b.Close()
				var f *fault
				isFault := errors.As(err, &f) && error(f.kind) == tt.want
				switch {
				case tt.want == nil && (err != nil || !bytes.Equal(got, data)):
					t.Errorf("%d bytes, %v", len(got), err)
				case tt.want != nil && !errors.Is(err, tt.want) && !isFault:
					t.Errorf("error %v, want %v", err, tt.want)
				case tt.says != "" && ranged && !strings.Contains(err.Error(), tt.says):
					t.Errorf("error %v does not say %q", err, tt.says)
				}
				if ranged && !slices.Equal(r.opened, tt.opened) {
					t.Errorf("opened at %v, want %v", r.opened, tt.opened)
				}
			})
		}
	}
}

// TestResumeCancelled: no waiting after the user gave up.
func TestResumeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	over := errors.New("over")
	src := &badSource{data: []byte("x"), troubles: []trouble{{}}}
	b := (&engine{sleep: sleepFor}).blobStream(ctx, src, types.BlobInfo{Size: 1}, nil)
	time.AfterFunc(10*time.Millisecond, func() { cancel(over) })
	if _, err := io.ReadAll(b); !errors.Is(err, over) {
		t.Errorf("%v", err)
	}
	b.Close()
}

func TestRetrying(t *testing.T) {
	var pauses []time.Duration
	sleep := func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	none, five := uint(0), uint(5)
	for _, tt := range []struct {
		req  record.Request
		want []time.Duration
	}{
		{record.Request{}, []time.Duration{firstPause, 2 * firstPause, 4 * firstPause}},
		{record.Request{Retry: &none}, nil},
		{record.Request{Retry: &five, RetryDelay: "3s"}, slices.Repeat([]time.Duration{3 * time.Second}, 5)},
	} {
		pauses = nil
		r := (&engine{req: tt.req, sleep: sleep}).retrying()
		for tries := 0; r.pause(context.Background(), tries); tries++ {
		}
		if !slices.Equal(pauses, tt.want) {
			t.Errorf("%+v: %v", tt.req, pauses)
		}
	}
}

func TestSystemContext(t *testing.T) {
	no := false
	sys, err := systemContext(&record.Request{Platform: "linux/arm/v7", Creds: "ana:se:cret", TLSVerify: &no, CertDir: "/c", AuthFile: os.DevNull, SignaturePolicy: "/p"})
	if err != nil || sys.ArchitectureChoice != "arm" || sys.VariantChoice != "v7" || sys.DockerAuthConfig.Password != "se:cret" ||
		sys.DockerInsecureSkipTLSVerify != types.OptionalBoolTrue || sys.DockerCertPath != "/c" || sys.AuthFilePath != os.DevNull || sys.SignaturePolicyPath != "/p" {
		t.Errorf("%+v, %v", sys, err)
	}
	if sys, err := systemContext(&record.Request{}); err != nil || sys.DockerInsecureSkipTLSVerify != types.OptionalBoolUndefined || sys.DockerAuthConfig != nil {
		t.Errorf("%+v, %v", sys, err)
	}
	for _, bad := range []record.Request{{Creds: ":x"}, {IDs: "frob"}, {RetryDelay: "5"}, {RetryDelay: "-1s"}} {
		if _, err := systemContext(&bad); err == nil || !strings.Contains(err.Error(), "\n  fix: ") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
