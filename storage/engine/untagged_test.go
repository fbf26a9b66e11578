//go:build !containers_image_openpgp

package engine

import "testing"

// TestTags keeps a plain "go test ./..." from looking as if it tested this
// package.
func TestTags(t *testing.T) {
	t.Fatal("this package was not tested\n  fix: go test -tags \"$(cat storage/engine/BUILD_TAGS)\" ./storage/engine/...")
}
