//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"coracle/storage/record"

	"go.podman.io/image/v5/docker"
)

// retries is how often an operation is tried again after a network failure, and
// firstPause the wait before the first; each further one is twice as long. The
// library itself waits and repeats when a registry answers 429.
const (
	retries    = 3
	firstPause = 500 * time.Millisecond
)

// A sleeper waits, or returns the context's error.
type sleeper func(context.Context, time.Duration) error

func sleepFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// again runs op until it succeeds, fails for good or has failed too often.
func (e *engine) again(ctx context.Context, op func() error) error {
	pause := firstPause
	for tries := 0; ; tries++ {
		err := op()
		if err == nil || tries == retries || ctx.Err() != nil || !passing(err) {
			return err
		}
		if e.sleep(ctx, pause) != nil {
			return err
		}
		pause *= 2
	}
}

// passing reports whether an error may be gone at the next try. A name that
// does not resolve, a port that nobody listens on and a certificate that is not
// trusted will be the same in two seconds: somebody mistyped.
func passing(err error) bool {
	var dns *net.DNSError
	var status docker.UnexpectedHTTPStatusError
	switch {
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.Is(err, syscall.ECONNREFUSED):
		return false
	case errors.As(err, &status):
		return status.StatusCode >= http.StatusInternalServerError
	}
	kind, hint := kindOf(err)
	return kind == record.ErrNetwork && hint == ""
}
