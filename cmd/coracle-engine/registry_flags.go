//go:build containers_image_openpgp

package main

import (
	"strings"

	"coracle/storage/engine"
)

// registryFlags are how to speak with a registry.
type registryFlags struct {
	Authfile  string `help:"File with credentials; else $$REGISTRY_AUTH_FILE, else what login writes." placeholder:"FILE"`
	Creds     string `help:"Credentials to use, not kept." placeholder:"USER[:PASSWORD]"`
	CertDir   string `help:"Directory with ca.crt, client.cert, client.key." placeholder:"DIR"`
	TLSVerify *bool  `name:"tls-verify" help:"Insist on TLS with a known certificate; =false for a registry without." negatable:""`
}

// access is what the flags say; a password that they lack is asked for.
func (f *registryFlags) access() (engine.Access, error) {
	a := engine.Access{AuthFile: f.Authfile, Creds: f.Creds, CertDir: f.CertDir, TLSVerify: f.TLSVerify}
	if a.Creds != "" && !strings.Contains(a.Creds, ":") {
		password, err := readPassword("Password: ")
		if err != nil {
			return a, err
		}
		a.Creds += ":" + password
	}
	return a, nil
}
