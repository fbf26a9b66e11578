//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// pullCommand is `coracle pull`.
type pullCommand struct {
	registryFlags
	AllTags    bool   `short:"a" help:"Fetch all tags of the repository."`
	Platform   string `help:"Fetch the image for OS/ARCH[/VARIANT]; else this machine's." placeholder:"PLATFORM"`
	OS         string `name:"os" help:"Fetch the image for this system." placeholder:"OS"`
	Arch       string `help:"Fetch the image for this architecture." placeholder:"ARCH"`
	Variant    string `help:"Fetch the image for this variant of the architecture." placeholder:"VARIANT"`
	Policy     string `help:"When to fetch: always, newer, missing or never." default:"always" enum:"always,newer,missing,never" placeholder:"POLICY"`
	Retry      uint   `help:"How often to try again after a network failure." default:"3" placeholder:"N"`
	RetryDelay string `help:"Wait between tries; else half a second, doubled each time." placeholder:"TIME"`
	IDs        string `name:"ids" help:"What to do with files whose owners are beyond your ids: squash gives them to root and remembers whose they were." placeholder:"squash"`
	Quiet      bool   `short:"q" help:"Print the image id only."`
	SigPolicy  string `name:"signature-policy" hidden:"" help:"policy.json to obey." placeholder:"FILE"`

	DecryptionKey  []string `hidden:""`
	NoContentTrust *bool    `name:"disable-content-trust" hidden:"" help:"Docker's; does nothing."`

	Images []string `arg:"" help:"Name in a registry, or docker://, oci:, oci-archive:, docker-archive:, dir: or containers-storage: and what follows it."`
}

func (c *pullCommand) Run(ctx context.Context, s *session) error {
	if len(c.DecryptionKey) > 0 {
		return errors.New("encrypted images are not supported\n  fix: skopeo copy --decryption-key KEY docker://IMAGE dir:DIR; coracle pull dir:DIR")
	}
	platform, err := c.platform()
	if err != nil {
		return err
	}
	store, err := s.taking()
	if err != nil {
		return err
	}
	access, err := c.access()
	if err != nil {
		return err
	}
	q := record.Request{
		Platform: platform, Pull: record.Pull(c.Policy), Quiet: c.Quiet, IDs: c.IDs,
		AuthFile: access.AuthFile, Creds: access.Creds, CertDir: access.CertDir, TLSVerify: access.TLSVerify, SignaturePolicy: c.SigPolicy,
		Retry: &c.Retry, RetryDelay: c.RetryDelay,
	}
	// As in podman, an image that fails does not keep the others from coming.
	var failed error
	for _, image := range c.Images {
		q.Ref = image
		ids, notes, err := store.Pull(ctx, engine.Pulling{Request: q, AllTags: c.AllTags, Progress: os.Stderr})
		if !c.Quiet {
			for _, n := range notes {
				fmt.Fprintln(os.Stderr, "coracle: "+n)
			}
		}
		for _, id := range ids {
			fmt.Println(id)
		}
		s.pulledEvents(store, image, ids)
		if failed = errors.Join(failed, err); ctx.Err() != nil {
			break
		}
	}
	return failed
}

// platform puts the four flags into one word.
func (c *pullCommand) platform() (string, error) {
	if c.Platform != "" {
		if c.OS != "" || c.Arch != "" || c.Variant != "" {
			return "", errors.New("--platform says it all: it cannot be combined with --os, --arch and --variant")
		}
		return c.Platform, nil
	}
	if c.OS == "" && c.Arch == "" && c.Variant == "" {
		return "", nil
	}
	os, arch := c.OS, c.Arch
	if os == "" {
		os = "linux"
	}
	if arch == "" {
		arch = runtime.GOARCH
	}
	return strings.TrimSuffix(os+"/"+arch+"/"+c.Variant, "/"), nil
}
