//go:build containers_image_openpgp

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"go.podman.io/image/v5/types"

	"coracle/storage/engine"
	"coracle/storage/engine/transfer"
)

// registryFlags are how to speak with a registry.
type registryFlags struct {
	Authfile  string `help:"File with credentials; else $$REGISTRY_AUTH_FILE, else what login writes." placeholder:"FILE"`
	Creds     string `help:"Credentials to use, not kept." placeholder:"USER[:PASSWORD]"`
	CertDir   string `help:"Directory with ca.crt, client.cert, client.key." placeholder:"DIR"`
	TLSVerify *bool  `name:"tls-verify" help:"Insist on TLS with a known certificate; =false for a registry without." negatable:""`
}

// apply returns the store's context with the flags in it.
func (f *registryFlags) apply(s *engine.Store) (*types.SystemContext, error) {
	sys := *s.Sys
	if f.Authfile == "" {
		f.Authfile = transfer.EnvironmentFile()
	}
	if f.Authfile != "" {
		if _, err := os.Stat(f.Authfile); err != nil {
			return nil, fmt.Errorf("--authfile: %w", err)
		}
		sys.AuthFilePath = f.Authfile
	}
	if f.Creds != "" {
		user, password, ok := strings.Cut(f.Creds, ":")
		if user == "" {
			return nil, errors.New("--creds: the user is empty")
		}
		if !ok {
			var err error
			if password, err = readPassword("Password: "); err != nil {
				return nil, err
			}
		}
		sys.DockerAuthConfig = &types.DockerAuthConfig{Username: user, Password: password}
	}
	setTLS(&sys, f.CertDir, f.TLSVerify)
	return &sys, nil
}

func setTLS(sys *types.SystemContext, certs string, verify *bool) {
	sys.DockerCertPath = certs
	if verify != nil {
		sys.DockerInsecureSkipTLSVerify = types.NewOptionalBool(!*verify)
		sys.OCIInsecureSkipTLSVerify = !*verify
	}
}
