//go:build containers_image_openpgp

package engine

import (
	"strings"
	"time"

	"coracle/storage/record"

	"go.podman.io/image/v5/types"
)

// systemContext is what the image library is told of a request: platform,
// credentials, certificates.
func systemContext(req *record.Request) (*types.SystemContext, error) {
	parts := strings.SplitN(req.Platform, "/", 3)
	sys := &types.SystemContext{
		OSChoice: "linux", DockerRegistryUserAgent: "coracle",
		AuthFilePath: req.AuthFile, DockerCertPath: req.CertDir, SignaturePolicyPath: req.SignaturePolicy,
	}
	if len(parts) > 1 {
		sys.OSChoice, sys.ArchitectureChoice = parts[0], parts[1]
	}
	if len(parts) > 2 {
		sys.VariantChoice = parts[2]
	}
	if req.TLSVerify != nil {
		sys.DockerInsecureSkipTLSVerify = types.NewOptionalBool(!*req.TLSVerify)
		sys.OCIInsecureSkipTLSVerify, sys.DockerDaemonInsecureSkipTLSVerify = !*req.TLSVerify, !*req.TLSVerify
	}
	if req.Creds != "" {
		name, password, _ := strings.Cut(req.Creds, ":")
		if name == "" {
			return nil, failf(record.ErrUsage, "--creds: a user name is missing\n  fix: --creds NAME:PASSWORD")
		}
		sys.DockerAuthConfig = &types.DockerAuthConfig{Username: name, Password: password}
	}
	return sys, checkRequest(req)
}

func checkRequest(req *record.Request) error {
	switch req.IDs {
	case "", record.IDsSquash:
	default:
		return failf(record.ErrUsage, "--ids=%s: not known\n  fix: --ids=squash, or leave it out", req.IDs)
	}
	if req.RetryDelay != "" {
		if d, err := time.ParseDuration(req.RetryDelay); err != nil || d <= 0 {
			return failf(record.ErrUsage, "--retry-delay: %q is not a time\n  fix: a number and a unit, such as 500ms, 2s or 1m", req.RetryDelay)
		}
	}
	return nil
}
