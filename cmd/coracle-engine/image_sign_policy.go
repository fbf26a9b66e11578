//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"
	"os"

	"coracle/cmd/internal/text"
	"coracle/storage/engine/images"
)

// signPolicyCheck is `coracle image sign-policy check`.
type signPolicyCheck struct {
	Image string `arg:"" help:"An image of the store, or docker://NAME to ask its registry."`
	Quiet bool   `short:"q" help:"Answer by the exit status alone."`
}

// Run prints a line for each name: accepted or refused, and the name as
// policy.json knows it. The exit status is 1 when one is refused.
func (c *signPolicyCheck) Run(ctx context.Context, s *session) error {
	store, err := s.store()
	if err != nil {
		return err
	}
	all, err := images.CheckPolicy(ctx, store, c.Image)
	if err != nil {
		return err
	}
	refused := false
	noted := map[string]bool{}
	for _, v := range all {
		word := "accepted"
		if v.Refused != nil {
			word, refused = "refused ", true
		}
		if c.Quiet {
			continue
		}
		for _, n := range v.Notes {
			if !noted[n] {
				noted[n] = true
				fmt.Fprintln(os.Stderr, "coracle: "+n)
			}
		}
		fmt.Println(word + "  " + text.Printable(v.As))
		if v.Refused != nil {
			fmt.Fprintln(os.Stderr, "coracle: "+text.Printable(v.Refused.Error()))
		}
	}
	if refused {
		return errStatus{code: 1}
	}
	return nil
}
