// Mkbase makes the base image at build time; see package baseimage, and build.sh
// there, which finds busybox and calls it.
package main

import (
	"bytes"
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
	copyright := flags.String("copyright", "/usr/share/doc/busybox-static/copyright", "its licence, a `file`")
	version := flags.String("version", "", "its Debian `version`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || flags.NArg() > 0 {
		return fmt.Errorf("usage: mkbase -o FILE -version VERSION [-arch ARCH] [-busybox FILE] [-copyright FILE]")
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
	if o.Copyright, err = os.ReadFile(*copyright); err != nil {
		return err
	}
	var image bytes.Buffer
	if err := baseimage.Write(&image, o); err != nil {
		return err
	}
	return replace(*out, image.Bytes())
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
