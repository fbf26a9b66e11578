//go:build containers_image_openpgp

package transfer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/signature"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/oci/layout"
	"go.podman.io/image/v5/types"
)

func pack(t *testing.T, kind string, plain []byte, passphrase string) []byte {
	t.Helper()
	secret, err := encrypted.Encrypt(plain, []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: secret})
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestSigstoreKey(t *testing.T) {
	ec, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public, ed, err2 := ed25519.GenerateKey(rand.Reader)
	rs, err3 := rsa.GenerateKey(rand.Reader, 2048)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	for name, key := range map[string]struct{ private, public any }{"ecdsa": {ec, ec.Public()}, "ed25519": {ed, public}, "rsa": {rs, rs.Public()}} {
		for _, kind := range []string{"ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"} {
			s, err := sigstoreKey(pack(t, kind, pkcs8(t, key.private), "secret"), []byte("secret"))
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			sum, err := s.SignMessage(strings.NewReader("text"))
			if err != nil {
				t.Fatal(err)
			}
			v, err := signature.LoadVerifier(key.public, crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.VerifySignature(bytes.NewReader(sum), strings.NewReader("text")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if v.VerifySignature(bytes.NewReader(sum), strings.NewReader("texts")) == nil {
				t.Errorf("%s: another text passes", name)
			}
		}
	}
	good := pack(t, "ENCRYPTED COSIGN PRIVATE KEY", pkcs8(t, ec), "secret")
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("key"), "kind": pack(t, "PRIVATE KEY", pkcs8(t, ec), "secret"), "cut": good[:len(good)/2],
		"no key": pack(t, "ENCRYPTED COSIGN PRIVATE KEY", []byte("x"), "secret"), "passphrase": pack(t, "ENCRYPTED COSIGN PRIVATE KEY", pkcs8(t, ec), "other"),
	} {
		if _, err := sigstoreKey(data, []byte("secret")); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestNewSigstore(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, pack(t, "ENCRYPTED COSIGN PRIVATE KEY", pkcs8(t, ec), "secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	registry, err1 := docker.ParseReference("//127.0.0.1:5000/a:1")
	dir, err2 := layout.ParseReference("d:n")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if _, err := NewSigstore(path, []byte("secret"), registry, &types.SystemContext{}); err != nil {
		t.Error(err)
	}
	for name, try := range map[string]func() error{
		"no file":    func() error { _, err := NewSigstore(path+"x", nil, registry, nil); return err },
		"passphrase": func() error { _, err := NewSigstore(path, []byte("s"), registry, nil); return err },
		"directory":  func() error { _, err := NewSigstore(path, []byte("secret"), dir, nil); return err },
	} {
		if err := try(); err == nil || !strings.HasPrefix(err.Error(), "--sign-by-sigstore-private-key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for text, want := range map[string]string{"": "", "a\n": "a", "a b": "a b", "a\r\nb\n": "a", "\nb": ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadPassphrase(path); err != nil || string(got) != want || got == nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := ReadPassphrase(path + "x"); err == nil {
		t.Error("no file, no error")
	}
}
