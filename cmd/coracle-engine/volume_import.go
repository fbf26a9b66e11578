//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"coracle/storage/engine/containerfs"
	"coracle/storage/engine/decode"
)

// volumeImport is `coracle volume import`.
type volumeImport struct {
	Name   string `arg:"" name:"volume" help:"Name."`
	Source string `arg:"" optional:"" name:"file" help:"Tar archive, perhaps compressed; - or none is standard input."`
}

func (c *volumeImport) Run(ctx context.Context, s *session) error {
	v, data, err := openContent(s, c.Name)
	if err != nil {
		return err
	}
	defer unix.Close(data)
	var in io.Reader = os.Stdin
	if c.Source != "" && c.Source != "-" {
		f, err := os.Open(c.Source)
		if err != nil {
			return fmt.Errorf("cannot read the archive: %w", err)
		}
		defer f.Close()
		in = f
	} else if term.IsTerminal(0) {
		return errors.New("an archive is not typed\n  fix: coracle volume import " + c.Name + " FILE")
	}
	packed := &counter{r: in}
	plain, _, err := decode.Open(packed)
	if err != nil {
		return fmt.Errorf("cannot read the archive: %w", err)
	}
	defer plain.Close()
	devices, err := containerfs.ImportVolume(ctx, data, plain, containerfs.Limits{Compressed: packed.n.Load})
	if devices > 0 {
		fmt.Fprintf(os.Stderr, "coracle: the archive's devices (%d) are left out: none can be made in a user namespace (mknod(2))\n", devices)
	}
	if err != nil {
		return fmt.Errorf("cannot import into the volume %q: %w", v.Name, err)
	}
	return s.volumes().Imported(v)
}

// counter counts what is read; decompressors read in goroutines of their own.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}
