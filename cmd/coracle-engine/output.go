//go:build containers_image_openpgp

package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"coracle/cmd/internal/text"
)

// out is standard output for text that may hold what an image's author wrote. On a
// terminal it must not move the cursor; in a pipe it is data.
func out() io.Writer {
	if term.IsTerminal(1) {
		return printableWriter{os.Stdout}
	}
	return os.Stdout
}

type printableWriter struct{ w io.Writer }

// Write takes whole runs of text, as templates and encoders write them.
func (p printableWriter) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.w, text.Printable(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
