//go:build containers_image_openpgp

package engine

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path"

	"coracle/storage/engine/decode"
)

// archiveKind returns the transport for an archive: "docker-archive" when it
// has docker's manifest.json (docker save since version 25 writes an OCI layout
// beside it), "oci-archive" when it has an OCI layout only, "" for neither.
func archiveKind(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	plain, _, err := decode.Open(f)
	if err != nil {
		return "", err
	}
	defer plain.Close()
	kind := ""
	for names := tar.NewReader(plain); ; {
		h, err := names.Next()
		switch {
		case errors.Is(err, io.EOF):
			return kind, nil
		case err != nil:
			return "", err
		}
		switch path.Clean(h.Name) {
		case "manifest.json":
			return "docker-archive", nil
		case "oci-layout", "index.json":
			kind = "oci-archive"
		}
	}
}
