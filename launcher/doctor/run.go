package doctor

import (
	"context"

	"coracle/userns"
)

// Options says what to examine. The zero value examines this host with the
// places Coracle uses by default.
type Options struct {
	Store  string // the image store's directory, existing or not; "" for what storage.conf says
	Binary string // the program an AppArmor profile must name; "" for this one
	Host   *Host  // where facts come from; nil for the real host
}

// exam is one examination: the host, the options with defaults filled in, and
// the answers more than one feature needs.
type exam struct {
	*Host
	store  string
	binary string

	grant    userns.Grant
	grantErr error
	bare     outcome // of a child in a user namespace without maps
	unshare  outcome // of the probe that makes every namespace
	mounts   outcome // of the probe that mounts
}

// Run tries every feature of this host and returns one check for each. It
// never fails: what cannot be found out is a check that says so. It takes
// some 60 ms and starts up to ten short-lived children.
func Run(ctx context.Context, o Options) []Check {
	e := newExam(ctx, o)
	var checks []Check
	for _, f := range Features() {
		got := f.try(ctx, e)
		c := Check{Name: f.Name, Status: got.status, Detail: got.detail, Fix: got.fix}
		if c.Status == "" {
			c.Status = f.Need
		}
		if c.Status != OK {
			c.Cost = f.Cost
		}
		checks = append(checks, c)
	}
	return checks
}

func newExam(ctx context.Context, o Options) *exam {
	e := &exam{Host: o.Host, store: o.Store, binary: o.Binary}
	if e.Host == nil {
		e.Host = RealHost()
	}
	if e.binary == "" {
		e.binary = e.Executable()
	}
	e.grant, e.grantErr = e.Lookup(ctx)
	if e.store == "" {
		e.store = e.findStore()
	}
	e.bare = e.probe(ctx, Trial{Name: "nothing", Flags: newUser})
	e.unshare = e.probe(ctx, Trial{Name: "unshare", Flags: newUser, Map: true})
	e.mounts = e.probe(ctx, Trial{Name: "mounts", Flags: newUser | newPID | newNet | newIPC | newNS, Map: true})
	return e
}
