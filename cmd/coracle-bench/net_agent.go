package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An agent is this program again in a network namespace, where it loads the
// network: as a server, or as who calls it. It takes an order a line.

// order is what an agent is to do.
type order struct {
	Do      string        `json:"do"`   // serve, collect, load, hold, release, run
	Kind    string        `json:"kind"` // of load: see tcpKinds, udpKinds
	Port    uint16        `json:"port"` // to serve at, 0 any
	To      string        `json:"to"`   // address and port to load
	Streams int           `json:"streams"`
	For     time.Duration `json:"for"`
	Argv    []string      `json:"argv"`
}

// answer is what came of it.
type answer struct {
	Port   uint16        `json:"port"`
	Bytes  int64         `json:"bytes"`
	Ops    int64         `json:"ops"` // exchanges, connections, datagrams
	Took   time.Duration `json:"took"`
	Median time.Duration `json:"median"` // of an exchange
	CPU    time.Duration `json:"cpu"`    // of the agent
	Error  string        `json:"error"`
}

// agentMain follows orders until there are no more.
func agentMain(in io.Reader, out io.Writer) error {
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	var w worker
	for {
		var o order
		if err := orders.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		before := ownCPU()
		a, err := w.follow(o)
		if o.Do != "collect" { // which knows since when
			a.CPU = ownCPU() - before
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// worker is what an agent has at work.
type worker struct {
	service *service
	held    []int // connections
}

func (w *worker) follow(o order) (a answer, err error) {
	switch o.Do {
	case "serve":
		if w.service, err = serve(o); err == nil {
			a.Port = w.service.port
		}
	case "collect":
		a = w.service.collect()
		w.service = nil
	case "load":
		if slices.Contains(udpKinds(), o.Kind) {
			return loadUDP(o)
		}
		return loadTCP(o)
	case "hold":
		a.Ops, err = w.hold(o)
	case "release":
		for _, fd := range w.held {
			unix.Close(fd)
		}
		w.held = nil
	case "run":
		var out []byte
		if out, err = exec.Command(o.Argv[0], o.Argv[1:]...).CombinedOutput(); err != nil {
			err = fmt.Errorf("%s: %w: %s", strings.Join(o.Argv, " "), err, strings.TrimSpace(string(out)))
		}
	default:
		err = fmt.Errorf("no such order: %q", o.Do)
	}
	return a, err
}

// hold makes connections that do nothing.
func (w *worker) hold(o order) (int64, error) {
	to, err := netip.ParseAddrPort(o.To)
	for n := 0; err == nil && n < o.Streams; n++ {
		var fd int
		if fd, err = dialTCP(to); err == nil {
			w.held = append(w.held, fd)
		}
	}
	return int64(len(w.held)), err
}

func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// agent is the other end of one.
type agent struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startAgent starts one; flags say which namespaces are to be its own.
func startAgent(flags uintptr) (*agent, error) {
	cmd := netCommand("agent")
	if flags != 0 {
		cmd.SysProcAttr.Cloneflags = flags
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = rootOnly(os.Getuid()), rootOnly(os.Getgid())
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot make a network namespace: %w", err)
	}
	return &agent{cmd: cmd, in: in, out: json.NewDecoder(out)}, nil
}

func (a *agent) pid() int { return a.cmd.Process.Pid }

// do has an order followed.
func (a *agent) do(o order) (answer, error) {
	var r answer
	if err := json.NewEncoder(a.in).Encode(o); err != nil {
		return r, err
	}
	if err := a.out.Decode(&r); err != nil {
		return r, fmt.Errorf("an agent ended: %w", err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s %s: %s", o.Do, o.Kind, r.Error)
	}
	return r, nil
}

// run has a program run in the agent's namespaces.
func (a *agent) run(line string) error {
	_, err := a.do(order{Do: "run", Argv: strings.Fields(line)})
	return err
}

func (a *agent) close() {
	a.in.Close()
	_ = a.cmd.Wait()
}
