//go:build containers_image_openpgp

package engine

import (
	"os"
	"path/filepath"
	"strings"

	"coracle/storage/record"
)

// baseName is the built-in image's name in the store; people write it without
// the host.
const baseName = "localhost/coracle/base:latest"

// where is the place that a reference speaks of.
type where int

const (
	inStoreOrRegistry where = iota // "debian:12", an id
	inRegistry                     // docker://
	inStore                        // containers-storage:
	inFile                         // oci:, oci-archive:, docker-archive:, dir:, a path
	inProgram                      // coracle/base
)

// A target is a reference, taken apart.
type target struct {
	where     where
	transport string // of a file: "oci", "oci-archive", "docker-archive", "dir"
	name      string // what follows the transport
}

// parseTarget sorts a reference by its prefix. It opens a path only when there
// is no prefix to tell an archive's kind.
func parseTarget(ref string) (target, error) {
	switch ref {
	case "":
		return target{}, failf(record.ErrUsage, "no image was named")
	case "coracle/base", "coracle/base:latest", "localhost/coracle/base", baseName:
		return target{where: inProgram, name: baseName}, nil
	}
	prefix, rest, _ := strings.Cut(ref, ":")
	switch prefix {
	case "docker":
		name, ok := strings.CutPrefix(rest, "//")
		if !ok || name == "" {
			break // an image named docker
		}
		return target{where: inRegistry, name: name}, nil
	case "containers-storage":
		if rest == "" || strings.HasPrefix(rest, "[") {
			return target{}, failf(record.ErrUnsupported, "%q: an image of another store cannot be used in place\n  fix: skopeo copy %s oci:DIR; coracle run oci:DIR", ref, ref)
		}
		return target{where: inStore, name: rest}, nil
	case "oci", "oci-archive", "docker-archive", "dir":
		if rest == "" {
			return target{}, failf(record.ErrUsage, "%q names no file\n  fix: %s:PATH", ref, prefix)
		}
		return target{where: inFile, transport: prefix, name: rest}, nil
	case "docker-daemon", "sif", "ostree", "tarball", "atomic":
		return target{}, failf(record.ErrUnsupported, "the transport %q is not supported\n  fix: docker save IMAGE -o FILE; coracle run docker-archive:FILE", prefix)
	}
	if record.IsFile(ref) {
		return sniff(ref)
	}
	return target{where: inStoreOrRegistry, name: ref}, nil
}

// sniff finds out what lies at a path: a directory's kind shows by a file in
// it, an archive's by its first names.
func sniff(path string) (target, error) {
	info, err := os.Stat(path)
	if err != nil {
		return target{}, failf(record.ErrNotFound, "cannot open the image: %w", err)
	}
	transport := ""
	if info.IsDir() {
		for _, try := range []struct{ file, transport string }{{"oci-layout", "oci"}, {"manifest.json", "dir"}} {
			if _, err := os.Stat(filepath.Join(path, try.file)); err == nil && transport == "" {
				transport = try.transport
			}
		}
	} else if transport, err = archiveKind(path); err != nil {
		return target{}, failf(record.ErrCorrupt, "%s is not a readable archive: %w", path, err)
	}
	if transport == "" {
		return target{}, failf(record.ErrUsage, "%s is no image: neither an OCI layout nor an archive of \"docker save\"\n"+
			"  fix: for a directory that is a root file system: coracle run --rootfs %s", path, path)
	}
	return target{where: inFile, transport: transport, name: path}, nil
}

// tokens are the files whose change makes a file's record stale: the one that
// says which image it is. Blobs are named by their digests.
func (t target) tokens() ([]record.Token, error) {
	if t.where != inFile {
		return nil, nil
	}
	path, err := filepath.Abs(t.path())
	if err != nil {
		return nil, err
	}
	switch t.transport {
	case "oci":
		path = filepath.Join(path, "index.json")
	case "dir":
		path = filepath.Join(path, "manifest.json")
	}
	return fileTokens(path)
}

// path is the file's name without the image's name in it.
func (t target) path() string {
	path, _, _ := strings.Cut(t.name, ":")
	return path
}
