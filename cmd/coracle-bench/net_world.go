package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/slirp"
)

// netName is the argv[0] of the processes that a measurement of networks
// consists of; what they are to be follows.
const netName = "coracle-bench-net"

// The world's own addresses. Nobody else has them: it is a network namespace
// without a way out.
const (
	worldAddress = "203.0.113.5"
	worldGateway = "203.0.113.1"
)

// congestionControl is what all senders use: pasta does badly with BBR, which
// the host may have chosen; this one every kernel has, and lets everybody choose.
const congestionControl = "reno"

// netMain is what such a process does.
func netMain(ctx context.Context, args []string) error {
	switch args[0] {
	case "agent":
		return agentMain(os.Stdin, os.Stdout)
	case "stack":
		return stackMain(args[1:])
	}
	quick, _ := strconv.ParseBool(args[1])
	r, err := measurePaths(ctx, quick, args[2])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// netCommand starts this program as another part of the measurement.
func netCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{netName}, args...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = dying()
	return cmd
}

// dying has a process end with the one that started it.
func dying() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL} }

func rootOnly(id int) []syscall.SysProcIDMap {
	return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
}

// inWorld measures in a user namespace and a network namespace of its own.
func inWorld(ctx context.Context, o options) (*NetReport, error) {
	cmd := netCommand("world", strconv.FormatBool(o.Quick), o.Only)
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNET
	cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = rootOnly(os.Getuid()), rootOnly(os.Getgid())
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot measure networks: %w", err)
	}
	r := new(NetReport)
	return r, json.Unmarshal(out, r)
}

// stackMain serves a network namespace, descriptor 3, by coracle's stack.
func stackMain(args []string) error {
	o := slirp.Defaults()
	o.HostLoopback = true
	o.MTU, _ = strconv.Atoi(args[0])
	ports, err := slirp.ParsePorts(fmt.Sprintf("127.0.0.1:%s:%d", args[1], guestPort))
	if err != nil {
		return err
	}
	l, err := slirp.Listen(ports[0])
	if err != nil {
		return err
	}
	n, err := slirp.Start(3, o, slirp.Hooks{})
	if err != nil {
		return err
	}
	n.Publish(l)
	fmt.Println("ready")
	return n.Wait()
}

// netWorld is the world that the containers' namespaces are connected with.
type netWorld struct {
	dir  string
	host *agent
	// senders is the congestion control of all, as far as it can be chosen.
	senders string
}

func newNetWorld() (w *netWorld, err error) {
	w = &netWorld{senders: congestionControl}
	if w.dir, err = os.MkdirTemp("", "coracle-bench-net-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.host, err = startAgent(0); err != nil {
		return nil, err
	}
	// pasta copies the addresses and routes of the first device with a default route.
	for _, line := range []string{
		"ip link set lo up", "ip link add out0 type veth peer name out1", "ip addr add " + worldAddress + "/24 dev out0",
		"ip link set out1 up", "ip link set out0 up", "ip route add default via " + worldGateway,
	} {
		if err := w.host.run(line); err != nil {
			return nil, err
		}
	}
	w.congestion(w.host)
	return w, nil
}

// congestion chooses what the senders of a namespace do.
func (w *netWorld) congestion(a *agent) {
	const file = "/proc/sys/net/ipv4/tcp_congestion_control"
	_, err := a.do(order{Do: "run", Argv: []string{"sh", "-c", "echo " + congestionControl + " > " + file}})
	if err != nil {
		w.senders = "the host's"
	}
}

func (w *netWorld) close() {
	if w.host != nil {
		w.host.close()
	}
	_ = os.RemoveAll(w.dir)
}
