//go:build containers_image_openpgp

package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// longBools writes -H=false, which docker's and podman's parser takes and kong
// does not, as --human=false.
func longBools(k *kong.Kong, args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if a == "--" {
			copy(out[i:], args[i:])
			break
		}
		out[i] = a
		if len(a) < 4 || a[0] != '-' || a[2] != '=' {
			continue
		}
		for _, f := range k.Model.Flags {
			if f.Short == rune(a[1]) && f.IsBool() {
				out[i] = "--" + f.Name + strings.TrimPrefix(a, a[:2])
			}
		}
	}
	return out
}
