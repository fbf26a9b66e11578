//go:build containers_image_openpgp

package engine

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"coracle/storage/record"

	"github.com/docker/distribution/registry/api/errcode"
	v2 "github.com/docker/distribution/registry/api/v2"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/types"
)

func TestWords(t *testing.T) {
	get := func(err error) error {
		return fmt.Errorf("pinging container registry h:5000: %w", &url.Error{Op: "Get", URL: "https://h:5000/v2/", Err: err})
	}
	dial := func(op string, err error) error {
		return get(&net.OpError{Op: op, Net: "tcp", Err: err})
	}
	for _, tt := range []struct {
		err   error
		want  string
		kind  record.Fault
		fix   string
		again bool
	}{
		{dial("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)), "cannot reach h:5000: connection refused", record.ErrNetwork, "start the registry", false},
		{dial("dial", os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "cannot reach h:5000: no route to host", record.ErrNetwork, "HTTPS_PROXY", true},
		{dial("dial", &net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}), "cannot reach h:5000: no such host", record.ErrNetwork, "correct the name", false},
		{dial("dial", os.ErrDeadlineExceeded), "cannot reach h:5000: no answer", record.ErrNetwork, "look at the network", true},
		{dial("proxyconnect", errors.New("no")), "cannot reach the proxy: no", record.ErrNetwork, "NO_PROXY", true},
		{get(errors.New("http: server gave HTTP response to HTTPS client")), "h:5000 speaks HTTP without TLS", record.ErrNetwork, "--tls-verify=false", false},
		{get(x509.UnknownAuthorityError{}), "the certificate of h:5000 is not trusted: x509", record.ErrNetwork, "certs.d/h:5000/ca.crt", false},
		{fmt.Errorf("reading manifest 1 in h:5000/a: %w", v2.ErrorCodeManifestUnknown), "no such image, or none with this tag", record.ErrNotFound, "--list-tags h:5000/a", false},
		{errcode.Error{Code: v2.ErrorCodeNameUnknown}, "no such repository", record.ErrNotFound, "coracle search h:5000/", false},
		{errcode.Error{Code: errcode.ErrorCodeUnauthorized}, "authentication required", record.ErrAuth, "coracle login h:5000,", false},
		{fmt.Errorf("layer 2 of 3 (x): %w", errcode.Error{Code: errcode.ErrorCodeUnauthorized}), "layer 2 of 3", record.ErrAuth, "coracle login h:5000,", false},
		{errors.New("something else"), "something else", record.ErrInternal, "", false},
	} {
		named, err := reference.ParseNamed("h:5000/a")
		if err != nil {
			t.Fatal(err)
		}
		p := problemOf(t.Context(), fmt.Errorf("cannot pull: %w", At("", named, tt.err)))
		said, fix, _ := strings.Cut(p.Message, "\n  fix: ")
		if !strings.HasPrefix(said, "cannot pull: ") || !strings.Contains(said, tt.want) || strings.Contains(said, "pinging") || p.Kind != tt.kind || !strings.Contains(fix, tt.fix) || (fix == "") != (tt.fix == "") {
			t.Errorf("%v: %q, %s", tt.err, p.Message, p.Kind)
		}
		if passing(At("h:5000", nil, tt.err)) != tt.again {
			t.Errorf("%v: tried again: %v", tt.err, !tt.again)
		}
	}
	if err := At("h", nil, errcode.Error{Code: errcode.ErrorCodeUnauthorized}); !strings.Contains(Explain(t.Context(), err).Error(), "coracle login h,") {
		t.Errorf("%v", Explain(t.Context(), err))
	}
}

func TestAuthFile(t *testing.T) {
	there := t.TempDir()
	t.Setenv(authVariable, "")
	if sys, err := (Access{}).Apply(&types.SystemContext{}); err != nil || sys.AuthFilePath != "" || CheckAuthFile(sys) != nil {
		t.Errorf("%+v, %v", sys, err)
	}
	if _, err := (Access{AuthFile: there + "/none"}).Apply(&types.SystemContext{}); !errors.Is(err, record.ErrUsage) || !strings.Contains(err.Error(), "--authfile") {
		t.Errorf("%v", err)
	}
	t.Setenv(authVariable, there+"/none")
	sys, err := (Access{}).Apply(&types.SystemContext{})
	if err != nil || sys.AuthFilePath != there+"/none" {
		t.Errorf("%+v, %v", sys, err)
	}
	if err := CheckAuthFile(sys); !errors.Is(err, record.ErrUsage) || !strings.Contains(err.Error(), "fix: coracle login --authfile "+there+"/none") {
		t.Errorf("%v", err)
	}
	if sys, err = (Access{AuthFile: there}).Apply(sys); err != nil || sys.AuthFilePath != there || CheckAuthFile(sys) != nil {
		t.Errorf("%+v, %v", sys, err)
	}
	if sys, err = (Access{}).Apply(&types.SystemContext{DockerCompatAuthFilePath: "d"}); err != nil || sys.AuthFilePath != "" {
		t.Errorf("%+v, %v", sys, err)
	}
}

func TestParseShort(t *testing.T) {
	for name, want := range map[string]string{"a": "a :latest", "a:1": "a :1", "t/a": "t/a :latest", "localhost/a": "", "h:5/a": "", "h.x/a": "", "A": "", "": ""} {
		s, ok := parseShort(name)
		if got := strings.TrimSpace(s.path + " " + s.rest); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", name, got, ok)
		}
	}
	s, _ := parseShort("t/a:1")
	for name, want := range map[string]bool{"h:5/t/a:1": true, "t/a:1": true, "h/xt/a:1": false, "h/t/a:12": false, "h/t/a": false} {
		if (s.among([]string{"h/other:1", name}) == name) != want {
			t.Error(name)
		}
	}
}
