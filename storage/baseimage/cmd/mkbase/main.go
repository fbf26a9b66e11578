// Mkbase makes the base image at build time; see package baseimage.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"coracle/storage/baseimage"
)

// epoch is 2026-01-01: a date that says nothing but is believed.
const epoch = 1767225600

func main() {
	if err := run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "mkbase:", err)
		os.Exit(1)
	}
}

func run(args []string, sourceDate string) error {
	flags := flag.NewFlagSet("mkbase", flag.ContinueOnError)
	out := flags.String("o", "", "write the OCI archive `file`")
	arch := flags.String("arch", "amd64", "architecture, a GOARCH `name`")
	busybox := flags.String("busybox", "/bin/busybox", "the static program, a `file`")
	copyright := flags.String("copyright", "", "its licence, a `file` (default: BUSYBOX.copyright, else "+installed+")")
	version := flags.String("version", "", "its Debian `version` (default: as it says)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || flags.NArg() > 0 {
		return fmt.Errorf("usage: mkbase -o FILE [-arch ARCH] [-busybox FILE] [-copyright FILE] [-version VERSION]")
	}
	o := baseimage.Options{Arch: *arch, Version: *version, When: time.Unix(epoch, 0)}
	if sourceDate != "" {
		seconds, err := strconv.ParseInt(sourceDate, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		o.When = time.Unix(seconds, 0)
	}
	var err error
	if o.Busybox, err = os.ReadFile(*busybox); err != nil {
		return err
	}
	if o.Copyright, err = readFirst(*copyright, *busybox+".copyright", installed); err != nil {
		return err
	}
	var image bytes.Buffer
	if err := baseimage.Write(&image, o); err != nil {
		return err
	}
	return replace(*out, image.Bytes())
}

// installed is where Debian's package has its licence.
const installed = "/usr/share/doc/busybox-static/copyright"

// readFirst reads the first of some files that is named and there; the one that
// was asked for must be.
func readFirst(asked string, others ...string) ([]byte, error) {
	if asked != "" {
		return os.ReadFile(asked)
	}
	var data []byte
	err := os.ErrNotExist
	for i := 0; i < len(others) && errors.Is(err, os.ErrNotExist); i++ {
		data, err = os.ReadFile(others[i])
	}
	return data, err
}

// replace writes the file whole or not at all, and leaves one alone that has
// these contents: what is built from it need not be built again.
func replace(name string, data []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".mkbase-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return err
}
