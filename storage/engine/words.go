//go:build containers_image_openpgp

package engine

import (
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/docker/distribution/registry/api/errcode"
	v2 "github.com/docker/distribution/registry/api/v2"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
)

// At is err, of a registry or on the way to it: for people, and with the
// repository that was meant, for what Explain says to type next. A named without a
// path is the registry alone.
func At(registry string, named reference.Named, err error) error {
	a := &remote{registry: registry, err: err}
	if named != nil {
		a.registry, a.repository = reference.Domain(named), named.Name()
	}
	return a
}

type remote struct {
	registry, repository string
	err                  error
}

func (a *remote) Error() string { return words(a.err) }
func (a *remote) Unwrap() error { return a.err }

// fill puts the names into what to type next.
func (a *remote) fill(hint string) string {
	if a.repository != "" {
		hint = strings.ReplaceAll(hint, "REPOSITORY", a.repository)
	}
	return strings.ReplaceAll(hint, "REGISTRY", a.registry)
}

// words says what an error of a registry means. The library's own words tell each
// step that led to it, some twice.
func words(err error) string {
	var code errcode.ErrorCoder
	ofLayer := strings.HasPrefix(err.Error(), "layer ") // which one is worth more
	if errors.As(err, &code) && !ofLayer {
		switch code.ErrorCode() {
		case v2.ErrorCodeManifestUnknown:
			return "the registry has no such image, or none with this tag (manifest unknown)"
		case v2.ErrorCodeNameUnknown:
			return "the registry has no such repository (name unknown)"
		case errcode.ErrorCodeUnauthorized:
			return "the registry wants to know who asks (authentication required)"
		}
	}
	var refused docker.ErrUnauthorizedForCredentials
	if errors.As(err, &refused) && !ofLayer {
		return "the registry does not accept the name and the password that it got"
	}
	var get *url.Error
	if !errors.As(err, &get) {
		return err.Error()
	}
	host := get.URL
	if u, err := url.Parse(get.URL); err == nil && u.Host != "" {
		host = u.Host
	}
	var dial *net.OpError
	var dns *net.DNSError
	var errno syscall.Errno
	switch {
	case plainHTTP(err):
		return host + " speaks HTTP without TLS"
	case untrusted(err):
		return "the certificate of " + host + " is not trusted: " + get.Err.Error()
	case errors.As(err, &dial) && dial.Op == "proxyconnect":
		return "cannot reach the proxy: " + dial.Err.Error()
	case errors.As(err, &dns) && dns.IsNotFound:
		return "cannot reach " + host + ": no such host"
	case errors.As(err, &dial) && dial.Op == "dial" && errors.As(err, &errno):
		return "cannot reach " + host + ": " + errno.Error()
	case errors.As(err, &dial) && dial.Op == "dial" && dial.Timeout():
		return "cannot reach " + host + ": no answer"
	}
	return err.Error()
}

// plainHTTP tells that a server that should speak TLS does not.
func plainHTTP(err error) bool {
	var get *url.Error // which has net/http's words, whatever was put around it
	if errors.As(err, &get) {
		err = get
	}
	return strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// untrusted tells that a certificate was refused.
func untrusted(err error) bool {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}

// unreachable says what to do when no connection came about, "" for other errors.
func unreachable(err error) string {
	var dial *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dial) && dial.Op == "proxyconnect":
		return "HTTPS_PROXY and HTTP_PROXY say which proxy is asked, NO_PROXY what is reached without"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "correct the name of the registry; getent hosts HOST asks as coracle does"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "start the registry, or correct its host and port"
	case errors.As(err, &dial) && dial.Op == "dial" && !errors.Is(err, os.ErrPermission):
		return "look at the network; if the way leads through a proxy: export HTTPS_PROXY=http://HOST:PORT"
	}
	return ""
}
