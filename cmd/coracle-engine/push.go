//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"coracle/launcher/events"
	"golang.org/x/term"

	"coracle/storage/engine"
	"coracle/storage/engine/images"
	"coracle/storage/engine/transfer"
)

// pushCommand is `coracle push`.
type pushCommand struct {
	registryFlags
	AllTags           bool          `short:"a" help:"Send all images that have the name, each under its tag."`
	Platform          string        `help:"The image for OS/ARCH[/VARIANT], where several of a list are in the store." placeholder:"PLATFORM"`
	All               bool          `help:"Send every image of the list that the image is one of, and the list."`
	Digestfile        string        `help:"Write the digest of what was stored into a file." placeholder:"FILE"`
	Format            string        `short:"f" help:"Format of the manifest: oci or v2s2; else the image's own." placeholder:"FORMAT"`
	Compress          bool          `help:"Compress layers where the destination would take them as they are (dir:)."`
	CompressionFormat string        `help:"gzip, zstd or zstd:chunked." placeholder:"FORMAT"`
	CompressionLevel  *int          `help:"How hard to compress: 0-9 for gzip, 1-20 for zstd." placeholder:"N"`
	ForceCompression  *bool         `help:"Compress anew what the destination has in another form; the default with --compression-format." negatable:""`
	RemoveSignatures  bool          `help:"Leave the image's signatures behind."`
	SignBy            string        `help:"Sign with this key of GnuPG." placeholder:"KEY"`
	SigstoreKey       string        `name:"sign-by-sigstore-private-key" help:"Sign with this private key of sigstore's (cosign's)." placeholder:"FILE"`
	Sigstore          string        `name:"sign-by-sigstore" hidden:""`
	Passphrase        string        `name:"sign-passphrase-file" help:"The key's passphrase is the first line of this file." placeholder:"FILE"`
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
	if c.AllTags {
		return c.allTags(ctx, s)
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
	if img, err = images.ForPlatform(store, img, c.Platform); err != nil {
		return err
	}
	return c.send(ctx, s, p, img, dest)
}

// allTags sends every image of a repository. It goes on after an error.
func (c *pushCommand) allTags(ctx context.Context, s *session) error {
	if c.Destination != "" || c.Digestfile != "" || c.Platform != "" {
		return errors.New("--all-tags sends each image to where its name says: it takes no destination, --digestfile or --platform")
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	names, err := images.Tags(store, c.Image)
	if err != nil {
		return err
	}
	p, done, err := c.push(s, store)
	if err != nil {
		return err
	}
	defer done()
	var failed error
	for _, name := range names {
		if !c.Quiet {
			fmt.Fprintln(os.Stderr, "Pushing "+name)
		}
		img, err := images.Find(ctx, store, name)
		if err == nil {
			err = c.send(ctx, s, p, img, name)
		}
		if failed = errors.Join(failed, err); ctx.Err() != nil {
			break
		}
	}
	return failed
}

// send sends one image to one place.
func (c *pushCommand) send(ctx context.Context, s *session, p *transfer.Push, img *engine.Image, dest string) error {
	ref, err := transfer.ParseDestination(p.Store, dest)
	if err != nil {
		return err
	}
	if ref.Transport().Name() == "docker" {
		if err := engine.CheckAuthFile(p.Sys); err != nil {
			return err
		}
	}
	if err := c.sign(ctx, p, ref); err != nil {
		return err
	}
	digest, err := p.Run(ctx, img, ref)
	if err != nil {
		return engine.Explain(ctx, err)
	}
	s.event(events.Image, events.Push, img.ID, dest)
	if c.Digestfile != "" {
		if err := os.WriteFile(c.Digestfile, []byte(digest.String()), 0o644); err != nil {
			return fmt.Errorf("the image was pushed, but --digestfile: %w", err)
		}
	}
	return nil
}

// sign has the push sign what it sends to ref.
func (c *pushCommand) sign(ctx context.Context, p *transfer.Push, ref engine.Reference) (err error) {
	var passphrase []byte
	if c.Passphrase != "" {
		if passphrase, err = transfer.ReadPassphrase(c.Passphrase); err != nil {
			return err
		}
	}
	switch {
	case c.SignBy != "":
		p.Sign, err = transfer.Signer(ctx, c.SignBy, passphrase, ref.DockerReference())
	case c.SigstoreKey != "":
		if passphrase == nil {
			if !term.IsTerminal(0) {
				return errors.New("the key has a passphrase, and standard input is no terminal to ask for it on\n  fix: --sign-passphrase-file FILE")
			}
			asked, err := readPassword("Passphrase of the key: ")
			if err != nil {
				return err
			}
			passphrase = []byte(asked)
		}
		var s *transfer.Sigstore
		if s, err = transfer.NewSigstore(c.SigstoreKey, passphrase, ref, p.Sys); err == nil {
			p.Attach = s.Attach
		}
	}
	return err
}

// refuse is for what podman knows and cannot be done here.
func (c *pushCommand) refuse() error {
	switch {
	case c.Sigstore != "":
		return errors.New("--sign-by-sigstore: certificates of Fulcio and entries in Rekor are not supported\n  fix: --sign-by-sigstore-private-key FILE, or cosign sign after the push")
	case c.SigstoreKey != "" && c.SignBy != "":
		return errors.New("--sign-by and --sign-by-sigstore-private-key: one signature at a time")
	case c.Passphrase != "" && c.SigstoreKey == "" && c.SignBy == "":
		return errors.New("--sign-passphrase-file is for --sign-by and --sign-by-sigstore-private-key")
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
