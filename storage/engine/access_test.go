//go:build containers_image_openpgp

package engine

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coracle/storage/record"
)

// served is an image app:1 in a registry.
func served(t *testing.T, f *fakeRegistry) string {
	t.Helper()
	l := newLayout(t, filepath.Join(t.TempDir(), "img"))
	l.add(l.image(small("x")), "1")
	f.serve("app", l)
	return f.host + "/app:1"
}

// withPassword wants basic authentication, as htpasswd(1) sets up.
func withPassword(w http.ResponseWriter, q *http.Request) bool {
	if user, password, ok := q.BasicAuth(); ok && user == "ana" && password == "se:cret" {
		return false
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

// TestTLS: a registry whose certificate nobody knows, and the ways to reach it.
func TestTLS(t *testing.T) {
	var cert []byte
	f := newFake(t, func(h http.Handler) *httptest.Server {
		s := httptest.NewTLSServer(h)
		cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		return s
	})
	name := served(t, f)
	f.doing(withPassword)
	no, yes := false, true

	w := newWorld(t)
	w.fails(record.Request{Ref: name}, record.ErrNetwork, "certs.d")
	w.fails(record.Request{Ref: name, TLSVerify: &no}, record.ErrAuth, "login")
	w.fails(record.Request{Ref: name, TLSVerify: &no, Creds: "ana:wrong"}, record.ErrAuth)
	w.must(record.Request{Ref: name, TLSVerify: &no, Creds: "ana:se:cret"})

	w = newWorld(t)
	w.file(string(cert), ".config", "containers", "certs.d", f.host, "ca.crt")
	auth := `{"auths":{"` + f.host + `":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("ana:se:cret")) + `"}}}`
	w.must(record.Request{Ref: name, AuthFile: w.file(auth, "my-auth.json")})
	w = newWorld(t)
	w.file(string(cert), "certs", "ca.crt")
	w.file(auth, "run", "containers", "auth.json")
	w.fails(record.Request{Ref: name, TLSVerify: &yes}, record.ErrNetwork)
	w.must(record.Request{Ref: name, CertDir: filepath.Join(w.home, "certs")})

	// A credential helper, as docker's have it.
	w = newWorld(t)
	w.file(`{"credHelpers":{"`+f.host+`":"t-pull"}}`, "run", "containers", "auth.json")
	helper := w.file("#!/bin/sh\nread host\necho '{\"Username\":\"ana\",\"Secret\":\"se:cret\"}'\n", "bin", "docker-credential-t-pull")
	if err := os.Chmod(helper, 0o755); err != nil {
		t.Fatal(err)
	}
	w.env[0] = "PATH=" + filepath.Dir(helper) + ":" + os.Getenv("PATH")
	w.must(record.Request{Ref: name, TLSVerify: &no})
}

// TestToken: a registry that hands out tokens, for a password and for nothing.
func TestToken(t *testing.T) {
	w := newWorld(t)
	f := plainFake(t, w)
	name := served(t, f)
	f.doing(func(w http.ResponseWriter, q *http.Request) bool {
		switch {
		case q.URL.Path == "/token":
			user, password, ok := q.BasicAuth()
			if ok && (user != "ana" || password != "secret") {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"token": fmt.Sprintf("token-%v", ok), "expires_in": 300})
		case q.Header.Get("Authorization") == "Bearer token-true":
			return false
		default:
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="s",scope="repository:app:pull"`, q.Host))
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
		}
		return true
	})
	w.fails(record.Request{Ref: name}, record.ErrAuth, "login")
	w.fails(record.Request{Ref: name, Creds: "ana:wrong"}, record.ErrAuth)
	w.must(record.Request{Ref: name, Creds: "ana:secret"})
}

// TestMirror: registries.conf sends us elsewhere, and back when that fails.
func TestMirror(t *testing.T) {
	w := newWorld(t)
	f, mirror := plainFake(t, w), plainFake(t, w)
	name := served(t, f)
	served(t, mirror)
	w.file(fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n[[registry.mirror]]\nlocation = %q\ninsecure = true\n[aliases]\n\"short\" = %q\n",
		f.host, mirror.host, f.host+"/app"), ".config", "containers", "registries.conf")
	r := w.must(record.Request{Ref: "short:1"})
	if r.Names[0] != name || len(f.asked()) != 0 || len(mirror.asked()) == 0 {
		t.Errorf("names %q, registry %v, mirror %v", r.Names, f.asked(), mirror.asked())
	}
	w2 := newWorld(t)
	data, err := os.ReadFile(filepath.Join(w.home, ".config/containers/registries.conf"))
	if err != nil {
		t.Fatal(err)
	}
	w2.file(string(data), ".config", "containers", "registries.conf")
	mirror.doing(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true })
	w2.must(record.Request{Ref: name})
	if len(f.asked()) == 0 {
		t.Error("the registry itself was not asked")
	}
}

// TestSignature has a policy that wants a GnuPG signature, which lies where
// registries.d says.
func TestSignature(t *testing.T) {
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Skipf("program gpg: %v", err)
	}
	w := newWorld(t)
	f := plainFake(t, w)
	l := newLayout(t, filepath.Join(t.TempDir(), "img"))
	d := l.image(small("x"))
	l.add(d, "1").add(l.image(small("y")), "unsigned")
	f.serve("app", l)
	keys := t.TempDir()
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(gpg, append([]string{"--homedir", keys, "--batch", "--yes", "--passphrase", ""}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg %q: %v", args, err)
		}
		return string(out)
	}
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", keys, "--kill", "all").Run() })
	run("", "--quick-generate-key", "t-pull@example.org", "rsa2048", "sign", "never")
	public := w.file(run("", "--export", "t-pull@example.org"), "key.gpg")
	claim := fmt.Sprintf(`{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":%q},"identity":{"docker-reference":%q}},"optional":{}}`,
		d.Digest, f.host+"/app:1")
	signature := run(claim, "--sign", "--digest-algo", "SHA256", "-o", "-")
	w.file(signature, "sigs", "app@sha256="+d.Digest.Encoded(), "signature-1")
	w.file(fmt.Sprintf("docker:\n  %s:\n    lookaside: file://%s\n", f.host, filepath.Join(w.home, "sigs")), ".config", "containers", "registries.d", "t.yaml")
	policy := w.file(fmt.Sprintf(`{"default":[{"type":"reject"}],"transports":{"docker":{%q:[{"type":"signedBy","keyType":"GPGKeys","keyPath":%q}]}}}`,
		f.host, public), "policy.json")
	w.fails(record.Request{Ref: f.host + "/app:unsigned", SignaturePolicy: policy}, record.ErrPolicy, "signature")
	w.must(record.Request{Ref: f.host + "/app:1", SignaturePolicy: policy})
	// The same signature, for another key.
	run("", "--quick-generate-key", "other@example.org", "rsa2048", "sign", "never")
	other := w.file(run("", "--export", "other@example.org"), "key.gpg")
	w2 := newWorld(t)
	plain, _ := os.ReadFile(filepath.Join(w.home, ".config/containers/registries.conf"))
	w2.file(string(plain), ".config", "containers", "registries.conf")
	sigs, _ := os.ReadFile(filepath.Join(w.home, ".config/containers/registries.d/t.yaml"))
	w2.file(string(sigs), ".config", "containers", "registries.d", "t.yaml")
	if err := os.Chmod(w.home, 0o755); err != nil {
		t.Fatal(err)
	}
	policy2 := w2.file(fmt.Sprintf(`{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":%q}]}`, other), "policy.json")
	w2.fails(record.Request{Ref: f.host + "/app:1", SignaturePolicy: policy2}, record.ErrPolicy)
}
