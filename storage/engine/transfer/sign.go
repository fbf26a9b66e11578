//go:build containers_image_openpgp

package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/signature"
)

// Signer returns what [Options.Sign] needs to sign by a key of the user's GnuPG
// under a name in a registry: the form is podman's and skopeo's ("simple
// signing", containers-signature(5)). It fails when there is no gpg. Without a
// passphrase, gpg's own agent asks for one.
func Signer(ctx context.Context, key string, passphrase []byte, name reference.Named) (func([]byte) ([]byte, error), error) {
	if name == nil || reference.IsNameOnly(name) {
		return nil, errors.New("--sign-by: only images that go to a registry, under a name with a tag or digest, can be signed")
	}
	path, err := exec.LookPath("gpg")
	if err != nil {
		return nil, fmt.Errorf("--sign-by: signing needs the program gpg: %w", err)
	}
	m := &gnupg{ctx, path, passphrase}
	return func(manifest []byte) ([]byte, error) {
		s, err := signature.SignDockerManifest(manifest, name.String(), m, key)
		if err != nil {
			return nil, fmt.Errorf("cannot sign: %w", err)
		}
		return s, nil
	}, nil
}

// gnupg is the signature.SigningMechanism that runs gpg: the library's own needs
// C code, or cannot sign.
type gnupg struct {
	ctx        context.Context
	path       string
	passphrase []byte // nil: gpg's agent asks
}

func (*gnupg) Close() error           { return nil }
func (*gnupg) SupportsSigning() error { return nil }

// Sign implements signature.SigningMechanism.
func (g *gnupg) Sign(input []byte, key string) ([]byte, error) {
	if strings.HasPrefix(key, "-") || key == "" {
		return nil, fmt.Errorf("%q is no name of a key", key)
	}
	args := []string{"--quiet", "--local-user", key, "--sign", "--output", "-"}
	if g.passphrase != nil {
		args = append([]string{"--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "3"}, args...)
	}
	cmd := exec.CommandContext(g.ctx, g.path, args...)
	if g.passphrase != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		cmd.ExtraFiles = []*os.File{r}                            // descriptor 3
		_, err = w.Write(append(bytes.Clone(g.passphrase), '\n')) // less than a pipe holds: maxPassphrase
		w.Close()
		if err != nil {
			return nil, err
		}
	}
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "GPG_TTY=/dev/tty")
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("gpg: %w: %s", err, strings.TrimSpace(trouble.String()))
	}
	return out, nil
}

var errOnlySigns = errors.New("this mechanism only signs")

// Verify implements signature.SigningMechanism; it is never called.
func (*gnupg) Verify([]byte) ([]byte, string, error) { return nil, "", errOnlySigns }

// UntrustedSignatureContents implements signature.SigningMechanism; it is never
// called.
func (*gnupg) UntrustedSignatureContents([]byte) ([]byte, string, error) {
	return nil, "", errOnlySigns
}
