//go:build containers_image_openpgp

package engine

import (
	"strings"

	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"coracle/storage/record"
)

// Image is containers/storage's, for those who ask the packages below about one.
type Image = storage.Image

// Access is how to speak with a registry. Zero fields leave what is configured.
type Access struct {
	AuthFile  string // with credentials
	Creds     string // NAME:PASSWORD, before those in files
	CertDir   string // with ca.crt, client.cert, client.key
	TLSVerify *bool  // whether to insist on TLS with a known certificate
}

// Apply returns sys with it.
func (a Access) Apply(sys *types.SystemContext) (*types.SystemContext, error) {
	out := *sys
	if a.AuthFile != "" {
		out.AuthFilePath = a.AuthFile
	}
	if a.CertDir != "" {
		out.DockerCertPath = a.CertDir
	}
	if a.TLSVerify != nil {
		out.DockerInsecureSkipTLSVerify = types.NewOptionalBool(!*a.TLSVerify)
		out.OCIInsecureSkipTLSVerify, out.DockerDaemonInsecureSkipTLSVerify = !*a.TLSVerify, !*a.TLSVerify
	}
	if a.Creds != "" {
		name, password, _ := strings.Cut(a.Creds, ":")
		if name == "" {
			return nil, failf(record.ErrUsage, "--creds: a user name is missing\n  fix: --creds NAME:PASSWORD")
		}
		out.DockerAuthConfig = &types.DockerAuthConfig{Username: name, Password: password}
	}
	return &out, nil
}
