package baseimage

import (
	"archive/tar"
	"errors"
	"testing"
)

func TestOpen(t *testing.T) {
	f, err := Open()
	if errors.Is(err, ErrMissing) {
		t.Skip("base: built without the archive, as the error says")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tar.NewReader(f).Next(); err != nil {
		t.Errorf("base.oci.tar: %v", err)
	}
}
