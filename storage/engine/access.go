//go:build containers_image_openpgp

package engine

import (
	"os"
	"strings"

	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"coracle/storage/record"
)

// Image is containers/storage's, for those who ask the packages below about one.
type Image = storage.Image

// Reference is where an image is or goes to.
type Reference = types.ImageReference

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
	if err := a.authFile(&out); err != nil {
		return nil, err
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

// authFile chooses the file with credentials: the one that was named, else that of
// the environment, which podman, buildah and skopeo know, too.
func (a Access) authFile(sys *types.SystemContext) error {
	if a.AuthFile != "" {
		sys.AuthFilePath = a.AuthFile
		return readable("--authfile", a.AuthFile)
	}
	if sys.AuthFilePath == "" && sys.DockerCompatAuthFilePath == "" {
		sys.AuthFilePath = os.Getenv(authVariable)
	}
	return nil
}

const authVariable = "REGISTRY_AUTH_FILE"

// CheckAuthFile refuses to ask a registry without the credentials that the
// environment promises; who asks none does not miss them.
func CheckAuthFile(sys *types.SystemContext) error {
	if named := os.Getenv(authVariable); named != "" && named == sys.AuthFilePath {
		return readable(authVariable, named)
	}
	return nil
}

func readable(by, file string) error {
	if _, err := os.Stat(file); err != nil {
		return failf(record.ErrUsage, "%s: cannot read the credentials: %w\n  fix: coracle login --authfile %s REGISTRY   (makes the file)", by, err, file)
	}
	return nil
}
