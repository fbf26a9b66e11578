//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"coracle/storage/engine"
	"coracle/storage/engine/transfer"
)

// pushCommand is `coracle push`.
type pushCommand struct {
	registryFlags
	All               bool          `help:"Send every image of the list that the image is one of, and the list."`
	Digestfile        string        `help:"Write the digest of what was stored into a file." placeholder:"FILE"`
	Format            string        `short:"f" help:"Format of the manifest: oci or v2s2; else the image's own." placeholder:"FORMAT"`
	Compress          bool          `help:"Compress layers where the destination would take them as they are (dir:)."`
	CompressionFormat string        `help:"gzip, zstd or zstd:chunked." placeholder:"FORMAT"`
	CompressionLevel  *int          `help:"How hard to compress: 0-9 for gzip, 1-20 for zstd." placeholder:"N"`
	ForceCompression  *bool         `help:"Compress anew what the destination has in another form; the default with --compression-format." negatable:""`
	RemoveSignatures  bool          `help:"Leave the image's signatures behind."`
	SignBy            string        `help:"Sign with this key of GnuPG." placeholder:"KEY"`
	SigstoreKey       string        `name:"sign-by-sigstore-private-key" hidden:""`
	Sigstore          string        `name:"sign-by-sigstore" hidden:""`
	Passphrase        string        `name:"sign-passphrase-file" hidden:""`
	Encrypt           []string      `name:"encryption-key" hidden:""`
	EncryptLayer      []int         `name:"encrypt-layer" hidden:""`
	NoContentTrust    bool          `name:"disable-content-trust" hidden:"" help:"Docker's; does nothing."`
	Retry             int           `help:"How often to try again after a network failure." default:"3" placeholder:"N"`
	RetryDelay        time.Duration `help:"Wait between tries; else a second, doubled each time." placeholder:"TIME"`
	Quiet             bool          `short:"q" help:"No progress."`

	Image       string `arg:"" help:"Image to send."`
	Destination string `arg:"" optional:"" help:"Where to: a name in a registry, or docker://, oci:, oci-archive:, dir:, docker-archive: or containers-storage: and what follows it. The image's own name if left out."`
}

func (c *pushCommand) Run(ctx context.Context, s *session) error {
	if err := c.refuse(); err != nil {
		return err
	}
	store, img, err := s.image(ctx, c.Image)
	if err != nil {
		return err
	}
	p, done, err := c.push(s, store)
	if err != nil {
		return err
	}
	defer done()
	dest := c.Destination
	if dest == "" {
		if dest = transfer.NameOf(img.Names, c.Image); dest == "" {
			return fmt.Errorf("%s is no name to push to\n  fix: coracle push %s REGISTRY/NAME:TAG", c.Image, c.Image)
		}
	}
	ref, err := transfer.ParseDestination(store, dest)
	if err != nil {
		return err
	}
	if c.SignBy != "" {
		if p.Sign, err = transfer.Signer(ctx, c.SignBy, ref.DockerReference()); err != nil {
			return err
		}
	}
	digest, err := p.Run(ctx, img, ref)
	if err != nil {
		return engine.Explain(ctx, err)
	}
	if c.Digestfile != "" {
		if err := os.WriteFile(c.Digestfile, []byte(digest.String()), 0o644); err != nil {
			return fmt.Errorf("the image was pushed, but --digestfile: %w", err)
		}
	}
	return nil
}

// refuse is for what podman knows and cannot be done here.
func (c *pushCommand) refuse() error {
	switch {
	case c.SigstoreKey != "" || c.Sigstore != "" || c.Passphrase != "":
		return fmt.Errorf("sigstore signatures are not supported\n  fix: --sign-by KEY, or cosign sign after the push")
	case len(c.Encrypt) > 0 || len(c.EncryptLayer) > 0:
		return fmt.Errorf("encrypted layers are not supported")
	case c.Retry < 0:
		return fmt.Errorf("--retry %d is negative", c.Retry)
	}
	return nil
}

// push makes what the flags say; done ends it.
func (c *pushCommand) push(s *session, store *engine.Store) (p *transfer.Push, done func(), err error) {
	p = &transfer.Push{Store: store, All: c.All, Retries: c.Retry, Delay: c.RetryDelay}
	p.Compress, p.DropSignatures = c.Compress, c.RemoveSignatures
	p.Cache = &transfer.Cache{Dir: filepath.Join(s.Data, "pushed")}
	if p.Format, err = transfer.ParseFormat(c.Format); err != nil {
		return nil, nil, err
	}
	if p.Compression, err = transfer.ParseCompression(c.CompressionFormat, c.CompressionLevel, c.ForceCompression); err != nil {
		return nil, nil, err
	}
	if !c.Quiet {
		p.Progress = transfer.NewProgress(os.Stderr)
	}
	access, err := c.access()
	if err != nil {
		return nil, nil, err
	}
	if p.Sys, err = access.Apply(store.Sys); err != nil {
		return nil, nil, err
	}
	p.Sys.BigFilesTemporaryDir, done, err = store.Scratch()
	return p, done, err
}
