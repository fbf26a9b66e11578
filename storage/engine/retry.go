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
// library itself waits and repeats when a registry answers 429, for as long as
// Retry-After says, five times.
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

// retrying is what the user wants of it: --retry and --retry-delay.
type retrying struct {
	most  int
	delay time.Duration // 0: growing
	sleep sleeper
}

func (e *engine) retrying() retrying {
	r := retrying{most: retries, sleep: e.sleep}
	if e.req.Retry != nil {
		r.most = int(*e.req.Retry)
	}
	r.delay, _ = time.ParseDuration(e.req.RetryDelay) // checked before
	return r
}

// pause waits before another try, of which there were so many. It reports
// whether there is to be one.
func (r retrying) pause(ctx context.Context, tries int) bool {
	if tries >= r.most {
		return false
	}
	d := r.delay
	if d == 0 {
		d = firstPause << min(tries, 6)
	}
	return r.sleep(ctx, d) == nil
}

// again runs op until it succeeds, fails for good or has failed too often.
func (e *engine) again(ctx context.Context, op func() error) error {
	r := e.retrying()
	for tries := 0; ; tries++ {
		err := op()
		if err == nil || ctx.Err() != nil || !passing(err) || !r.pause(ctx, tries) {
			return err
		}
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
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, docker.ErrTooManyRequests), plainHTTP(err), untrusted(err):
		return false
	case errors.As(err, &status):
		return status.StatusCode >= http.StatusInternalServerError
	}
	kind, _ := kindOf(err)
	return kind == record.ErrNetwork
}
