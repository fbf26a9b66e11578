package transfer

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// maxPassphrase bounds a passphrase, in bytes.
const maxPassphrase = 4096

// ReadPassphrase reads the first line of a file, as podman does.
func ReadPassphrase(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--sign-passphrase-file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPassphrase))
	if err != nil {
		return nil, fmt.Errorf("--sign-passphrase-file: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte{'\n'})
	return append([]byte{}, bytes.TrimSuffix(line, []byte{'\r'})...), nil
}
