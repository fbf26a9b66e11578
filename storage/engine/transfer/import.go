//go:build containers_image_openpgp

package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"coracle/storage/engine"
	"coracle/storage/engine/imageconf"
	"coracle/storage/engine/transfer/archive"
)

// An Import makes an image of a tar of a root file system.
type Import struct {
	Store *engine.Store
	// From is what the tar is called: a path, a URL, "-".
	From    string
	Name    string // that the image gets, complete; "" none
	Changes []string
	Message string
	// Platform; empty fields are linux and this machine's architecture.
	OS, Arch, Variant string
	Created           time.Time
	Progress          *os.File // nil: nothing is said
}

// Run reads in to its end and returns the image's id. in is a *os.File where that
// is possible: a file that can be read twice is not copied. Errors:
// imageconf.ErrChange, archive.ErrArchive, archive.ErrTooLarge.
func (i *Import) Run(ctx context.Context, in io.Reader) (id string, err error) {
	config := imageconf.Config{}
	if err := imageconf.Apply(&config, i.Changes); err != nil {
		return "", err
	}
	dir, done, err := i.Store.Scratch()
	if err != nil {
		return "", err
	}
	defer done()
	f, err := twice(in, archive.Spool{Dir: dir})
	if err != nil {
		return "", err
	}
	defer f.Close()
	tar, err := archive.NewRootfs(ctx, f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", i.From, err)
	}
	blob, err := i.config(config, tar.DiffID())
	if err != nil {
		return "", err
	}
	t := engine.Taking{What: i.From, Ref: tar.Ref(i.From, blob), Trusted: true, Progress: i.Progress}
	if i.Name != "" {
		t.Names = []string{i.Name}
	}
	id, _, err = i.Store.Take(ctx, t)
	return id, err
}

// twice is a file that can be read at any place.
func twice(in io.Reader, s archive.Spool) (*os.File, error) {
	if f, ok := in.(*os.File); ok {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, errors.New("it is a directory\n  fix: tar -c -C DIR . | coracle import -")
		}
		if at, err := f.Seek(0, io.SeekCurrent); info.Mode().IsRegular() && err == nil && at == 0 {
			return f, nil
		}
	}
	return s.Put(in)
}

func (i *Import) config(c imageconf.Config, diffID digest.Digest) ([]byte, error) {
	image := imageconf.Image{Config: c, Comment: i.Message}
	created := i.Created.UTC()
	image.Created = &created
	image.OS, image.Architecture, image.Variant = "linux", runtime.GOARCH, i.Variant
	if i.OS != "" {
		image.OS = i.OS
	}
	if i.Arch != "" {
		image.Architecture = i.Arch
	}
	image.RootFS = imgspec.RootFS{Type: "layers", DiffIDs: []digest.Digest{diffID}}
	image.History = []imgspec.History{imageconf.Entry(created, "", "", "imported from "+i.From, i.Changes, false)}
	return json.Marshal(image)
}

// Download opens a URL. The stream ends with an error when it is cut off.
func Download(ctx context.Context, url string) (io.ReadCloser, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot fetch %s: %w", url, err)
	}
	q.Header.Set("User-Agent", "coracle")
	// No decompression by the way: the tar's own compression is not the connection's.
	q.Header.Set("Accept-Encoding", "identity")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, fmt.Errorf("cannot fetch %w", err)
	}
	if a.StatusCode != http.StatusOK {
		a.Body.Close()
		return nil, fmt.Errorf("cannot fetch %s: the server says %s", url, a.Status)
	}
	return a.Body, nil
}
