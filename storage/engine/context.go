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
	sys := &types.SystemContext{OSChoice: "linux", DockerRegistryUserAgent: "coracle", SignaturePolicyPath: req.SignaturePolicy}
	choosePlatform(sys, req.Platform)
	sys, err := Access{AuthFile: req.AuthFile, Creds: req.Creds, CertDir: req.CertDir, TLSVerify: req.TLSVerify}.Apply(sys)
	if err != nil {
		return nil, err
	}
	return sys, checkRequest(req)
}

// choosePlatform makes sys choose os/arch[/variant] of lists; empty is as it was.
func choosePlatform(sys *types.SystemContext, platform string) {
	parts := strings.SplitN(platform, "/", 3)
	if len(parts) > 1 {
		sys.OSChoice, sys.ArchitectureChoice, sys.VariantChoice = parts[0], parts[1], ""
	}
	if len(parts) > 2 {
		sys.VariantChoice = parts[2]
	}
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
