//go:build containers_image_openpgp

package transfer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	imgspecs "github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/signature"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/types"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// What cosign calls its things (github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md).
const (
	sigstoreMIME       = "application/vnd.dev.cosign.simplesigning.v1+json"
	sigstoreAnnotation = "dev.cosignproject.cosign/signature"
	sigstoreType       = "cosign container image signature"
)

// maxKey bounds the file of a key, and maxAttached the number of signatures of one
// image that are kept when another is added.
const (
	maxKey      = 64 << 10
	maxAttached = 1000
)

// A Sigstore signs by a private key as cosign does, and puts the signatures where
// cosign, podman and skopeo look for them: beside the image in its repository,
// under the tag sha256-DIGEST.sig.
type Sigstore struct {
	Sys  *types.SystemContext
	key  signature.Signer
	name reference.Named
}

// NewSigstore reads a key made by `cosign generate-key-pair` or `skopeo
// generate-sigstore-key`. to is where the image goes: the library has no public way
// to sign, and other places than registries none to keep the signature.
func NewSigstore(path string, passphrase []byte, to types.ImageReference, sys *types.SystemContext) (*Sigstore, error) {
	if to.Transport().Name() != docker.Transport.Name() || reference.IsNameOnly(to.DockerReference()) {
		return nil, errors.New("--sign-by-sigstore-private-key: only images that go to a registry, under a name with a tag or digest, can be signed")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--sign-by-sigstore-private-key: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return nil, fmt.Errorf("--sign-by-sigstore-private-key: %w", err)
	}
	key, err := sigstoreKey(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("--sign-by-sigstore-private-key %s: %w\n  fix: cosign generate-key-pair, or skopeo generate-sigstore-key", path, err)
	}
	return &Sigstore{Sys: sys, key: key, name: to.DockerReference()}, nil
}

func sigstoreKey(data, passphrase []byte) (signature.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "ENCRYPTED COSIGN PRIVATE KEY" && block.Type != "ENCRYPTED SIGSTORE PRIVATE KEY" {
		return nil, errors.New("it is no private key of sigstore's")
	}
	plain, err := encrypted.Decrypt(block.Bytes, passphrase)
	if err != nil {
		return nil, errors.New("the passphrase is wrong, or the key is damaged")
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return signature.LoadECDSASigner(key, crypto.SHA256)
	case ed25519.PrivateKey:
		return signature.LoadED25519Signer(key)
	case *rsa.PrivateKey:
		return signature.LoadRSAPKCS1v15Signer(key, crypto.SHA256)
	}
	return nil, fmt.Errorf("a key of the type %T", key)
}

// Attach signs a manifest that is in the registry.
func (s *Sigstore) Attach(ctx context.Context, signed []byte) error {
	d, err := manifest.Digest(signed)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(map[string]any{
		"critical": map[string]any{
			"type":     sigstoreType,
			"image":    map[string]string{"docker-manifest-digest": d.String()},
			"identity": map[string]string{"docker-reference": s.name.String()},
		},
		"optional": map[string]any{"creator": "coracle", "timestamp": time.Now().Unix()},
	})
	if err != nil {
		return err
	}
	sum, err := s.key.SignMessage(bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("cannot sign: %w", err)
	}
	if err := s.attach(ctx, d, payload, base64.StdEncoding.EncodeToString(sum)); err != nil {
		return fmt.Errorf("cannot store the signature: %w", err)
	}
	return nil
}

// attach adds a signature to those that are there.
func (s *Sigstore) attach(ctx context.Context, d digest.Digest, payload []byte, sum string) error {
	tagged, err := reference.WithTag(reference.TrimNamed(s.name), strings.Replace(d.String(), ":", "-", 1)+".sig")
	if err != nil {
		return err
	}
	ref, err := docker.NewReference(tagged)
	if err != nil {
		return err
	}
	layers, err := s.attached(ctx, ref)
	if err != nil {
		return err
	}
	dest, err := ref.NewImageDestination(ctx, s.Sys)
	if err != nil {
		return err
	}
	defer dest.Close()
	own := descriptor(sigstoreMIME, payload)
	own.Annotations = map[string]string{sigstoreAnnotation: sum}
	m := imgspec.Manifest{Versioned: imgspecs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest, Layers: append(layers, own)}
	config := imgspec.Image{RootFS: imgspec.RootFS{Type: "layers"}}
	for _, l := range m.Layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.Digest)
	}
	blob, err := json.Marshal(config)
	if err != nil {
		return err
	}
	m.Config = descriptor(imgspec.MediaTypeImageConfig, blob)
	for _, b := range []struct {
		data   []byte
		d      imgspec.Descriptor
		config bool
	}{{payload, own, false}, {blob, m.Config, true}} {
		info := types.BlobInfo{Digest: b.d.Digest, Size: b.d.Size, MediaType: b.d.MediaType}
		if _, err := dest.PutBlob(ctx, bytes.NewReader(b.data), info, none.NoCache, b.config); err != nil {
			return err
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return dest.PutManifest(ctx, out, nil)
}

// attached are the signatures that are there. They stay in the registry: only
// their list is written anew.
func (s *Sigstore) attached(ctx context.Context, ref types.ImageReference) ([]imgspec.Descriptor, error) {
	src, err := ref.NewImageSource(ctx, s.Sys)
	if err == nil {
		defer src.Close()
		var data []byte
		if data, _, err = src.GetManifest(ctx, nil); err == nil {
			var m imgspec.Manifest
			if err := json.Unmarshal(data, &m); err != nil {
				return nil, fmt.Errorf("the signatures that are there cannot be read: %w", err)
			}
			if len(m.Layers) > maxAttached {
				return nil, fmt.Errorf("the image has %d signatures already", len(m.Layers))
			}
			return m.Layers, nil
		}
	}
	if errors.Is(engine.Explain(ctx, err), record.ErrNotFound) {
		return nil, nil
	}
	return nil, err
}

func descriptor(mime string, data []byte) imgspec.Descriptor {
	return imgspec.Descriptor{MediaType: mime, Digest: digest.FromBytes(data), Size: int64(len(data))}
}
