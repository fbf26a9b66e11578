//go:build containers_image_openpgp

package engine

import (
	"archive/tar"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"unicode"

	"coracle/storage/engine/decode"
	"coracle/storage/record"

	"github.com/docker/distribution/registry/api/errcode"
	v2 "github.com/docker/distribution/registry/api/v2"
	"github.com/klauspost/compress/zstd"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/signature"
)

// fault is an error whose kind is known where it arises.
type fault struct {
	kind record.Fault
	err  error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// Is makes errors.Is(err, record.ErrNotFound) and its like work.
func (f *fault) Is(target error) bool { return target == f.kind }

func failf(kind record.Fault, format string, args ...any) error {
	return &fault{kind, fmt.Errorf(format, args...)}
}

// problemOf turns any error into the form that goes back.
func problemOf(ctx context.Context, err error) *record.Problem {
	if ctx.Err() != nil {
		return &record.Problem{Kind: record.ErrInternal, Message: "interrupted; nothing of the image was kept"}
	}
	kind, hint := explain(err)
	msg := err.Error()
	if hint != "" && !strings.Contains(msg, "\n  fix:") {
		msg += "\n  fix: " + hint
	}
	return &record.Problem{Kind: kind, Message: printable(msg)}
}

// explain is kindOf, with the names in the hint that are known.
func explain(err error) (kind record.Fault, hint string) {
	kind, hint = kindOf(err)
	var at *remote
	if errors.As(err, &at) {
		hint = at.fill(hint)
	}
	return kind, hint
}

// kindOf sorts an error. Where the libraries have types they decide; only what
// comes from a re-executed helper is known by its text alone.
func kindOf(err error) (kind record.Fault, hint string) {
	var f *fault
	if errors.As(err, &f) {
		return f.kind, ""
	}
	for _, try := range []func(error) (record.Fault, string){localKind, registryKind, networkKind} {
		if kind, hint := try(err); kind != "" {
			return kind, hint
		}
	}
	return record.ErrInternal, ""
}

func localKind(err error) (record.Fault, string) {
	var refused signature.PolicyRequirementError
	var badSignature signature.InvalidSignatureError
	var corrupt flate.CorruptInputError
	var bz bzip2.StructuralError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return record.ErrSpace, "free space on the file system of the image store"
	case errors.Is(err, syscall.EDQUOT):
		return record.ErrSpace, "remove images or raise your disk quota"
	case errors.As(err, &refused), errors.As(err, &badSignature):
		return record.ErrPolicy, "containers-policy.json(5) says which images this machine accepts"
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, tar.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, zstd.ErrCRCMismatch),
		errors.Is(err, decode.ErrDamaged), errors.As(err, &bz):
		return record.ErrCorrupt, ""
	case strings.Contains(err.Error(), "lchown") && strings.Contains(err.Error(), "invalid argument"):
		return record.ErrIDs, "the image has files of users beyond your sub-ids; give yourself more:\n" +
			"       sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"
	}
	return "", ""
}

func registryKind(err error) (record.Fault, string) {
	const login = "coracle login REGISTRY, if the image exists and is private; after a login: the password is wrong or does not suffice"
	var credentials docker.ErrUnauthorizedForCredentials
	var code errcode.ErrorCoder
	var status docker.UnexpectedHTTPStatusError
	switch {
	case errors.As(err, &credentials):
		return record.ErrAuth, login
	case errors.Is(err, docker.ErrTooManyRequests):
		return record.ErrNetwork, "the registry limits requests; wait, or log in"
	case errors.As(err, &code):
		switch code.ErrorCode() {
		case errcode.ErrorCodeUnauthorized, errcode.ErrorCodeDenied:
			return record.ErrAuth, login
		case v2.ErrorCodeManifestUnknown:
			return record.ErrNotFound, "coracle search --list-tags REPOSITORY   (which tags there are)"
		case v2.ErrorCodeNameUnknown:
			return record.ErrNotFound, "coracle search REGISTRY/   (what is there)"
		case v2.ErrorCodeBlobUnknown:
			return record.ErrNotFound, ""
		case errcode.ErrorCodeUnavailable, errcode.ErrorCodeTooManyRequests:
			return record.ErrNetwork, ""
		}
	case errors.As(err, &status):
		switch {
		case status.StatusCode == http.StatusNotFound:
			return record.ErrNotFound, ""
		case status.StatusCode == http.StatusForbidden:
			return record.ErrAuth, login
		case status.StatusCode >= 500:
			return record.ErrNetwork, ""
		}
	}
	return "", ""
}

func networkKind(err error) (record.Fault, string) {
	var dial *net.OpError // not net.Error: every system call's error is one
	var dns *net.DNSError
	var get *url.Error
	switch {
	case plainHTTP(err):
		return record.ErrNetwork, "if this registry is meant to be without TLS: --tls-verify=false, or for ever insecure = true for it in registries.conf"
	case untrusted(err):
		return record.ErrNetwork, "put the registry's CA into ~/.config/containers/certs.d/REGISTRY/ca.crt, or say --cert-dir DIR"
	case errors.As(err, &dial), errors.As(err, &dns), errors.As(err, &get), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return record.ErrNetwork, unreachable(err)
	case errors.Is(err, os.ErrNotExist):
		return record.ErrNotFound, ""
	}
	return "", ""
}

// printable makes text from registries and archives safe for a terminal:
// control characters could move the cursor or set the window's title.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		if r == '\t' {
			return ' '
		}
		return '?'
	}, s)
}
