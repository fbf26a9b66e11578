package slirp

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"coracle/slirp/stack"
	"coracle/slirp/tun"
)

// Device is the name of the device in the container, slirp4netns'.
const Device = "tap0"

// Network is a container's connection to the host's networks. It lasts as long as
// the process, or until Close.
type Network struct {
	Plan  Plan
	stack *stack.Stack
	host  *hostAddresses
	done  chan error
	// elsewhere is Place's.
	elsewhere bool
	// published is of the stack's thread.
	published published
}

// Start makes the device in a network namespace, given as a file of /proc/PID/ns,
// and begins to serve it in a thread of its own. The caller needs CAP_SYS_ADMIN in
// its own user namespace and in that which owns the network namespace.
//
// Errors name the step that failed: without /dev/net/tun, or without permission to
// open it, there is no such network.
func Start(ns int, o Options, h Hooks) (*Network, error) { return start(ns, o, h, resolvConf) }

func start(ns int, o Options, h Hooks, resolvConf string) (*Network, error) {
	gate, err := newGate(o.Egress, h.Denied)
	if err != nil {
		return nil, err
	}
	if gate.policy != nil && o.place != nil && o.place.Elsewhere {
		return nil, fmt.Errorf("%w: egress rules: what leaves by the host's bridge does not pass the user-mode network\n  fix: a network without it, or no --egress", ErrOption)
	}
	n := &Network{Plan: o.Plan(), done: make(chan error, 1), elsewhere: o.place != nil && o.place.Elsewhere}
	device, err := inside(ns, o.device(&n.Plan))
	if err != nil {
		return nil, err
	}
	if n.host, err = openHostAddresses(); err != nil {
		unix.Close(device.FD)
		return nil, err
	}
	gate.host = n.host
	names := newResolver(&router{Options: o, hooks: h, plan: n.Plan, host: n.host, gate: gate}, resolvConf)
	n.stack, err = stack.New(stack.Config{
		Link: device.FD, UDPSegments: device.UDPSegments, Route: names.route,
		Local:   stack.Local{Datagram: names.datagram, Dial: names.dial},
		Network: stack.Network{MTU: o.MTU, Gateway4: n.Plan.Gateway4, Gateway6: n.Plan.Gateway6},
	})
	if err == nil {
		err = n.stack.Watch(n.host.fd, n.host.changed)
	}
	if err != nil {
		unix.Close(device.FD)
		unix.Close(n.host.fd)
		return nil, err
	}
	names.stack = n.stack
	n.published.open(o.HideClients)
	go func() {
		err := n.stack.Run()
		unix.Close(n.host.fd)
		names.close()
		n.published.close()
		n.done <- err
	}()
	return n, nil
}

// Close ends the network: who is connected is told so. The device is gone when the
// kernel has time for it, 20 ms later; nobody waits for that.
func (n *Network) Close() { n.stack.Close() }

// Wait returns when the network has ended, with the reason when nobody asked for it.
func (n *Network) Wait() error { return <-n.done }

// inside makes the device in another network namespace, by a thread that ends
// there: it could not come back without one more call that may fail.
func inside(ns int, c tun.Config) (*tun.Device, error) {
	type result struct {
		device *tun.Device
		err    error
	}
	results := make(chan result)
	go func() {
		runtime.LockOSThread()
		var r result
		if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			r.err = fmt.Errorf("cannot enter the container's network namespace: %w", err)
		} else {
			r.device, r.err = tun.Open(c)
		}
		results <- r
	}()
	r := <-results
	return r.device, r.err
}
