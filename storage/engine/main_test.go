//go:build containers_image_openpgp

package engine

import (
	"fmt"
	"os"
	"testing"
)

// TestMain lets the test program be the engine: started by that name it is
// coracle-engine, and containers/storage re-executes it for its helpers like
// any other.
func TestMain(m *testing.M) {
	switch os.Args[0] {
	case "coracle-engine", "storage-untar", "storage-tar", "storage-applyLayer":
		os.Exit(Main())
	case layerRemover:
		os.Exit(removeLayer(os.Args[1]))
	}
	code := m.Run()
	if err := removeUser(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
