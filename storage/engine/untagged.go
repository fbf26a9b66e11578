//go:build !containers_image_openpgp

package engine

import (
	"fmt"
	"os"
)

// Main says that the program was built in a way that cannot work: without the
// tag, the signature package wants cgo and libgpgme.
func Main() int {
	fmt.Fprintln(os.Stderr, "coracle-engine: built without its build tags\n"+
		"  fix: make build   (or: go build -tags \"$(cat storage/engine/BUILD_TAGS)\" ./cmd/coracle-engine)")
	return 2
}
