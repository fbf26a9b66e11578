package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Ports of published rows: in the container, and first on the host's side.
const (
	guestPort     = 7001
	firstHostPort = 40001
)

// path is a way between the world and a network namespace of its own.
type netPath struct {
	Name string
	MTU  int
	// host is the world's address as the guest calls it; published is guestPort's,
	// as the world calls it.
	host, published string
	guest           *agent
	helper          *exec.Cmd // nil: the kernel alone
	ends            []func()
}

func (p *netPath) title() string { return fmt.Sprintf("%s, MTU %d", p.Name, p.MTU) }

func (p *netPath) close() {
	for _, f := range p.ends {
		f()
	}
	if p.helper != nil && p.helper.Process != nil {
		_ = p.helper.Process.Kill()
		_ = p.helper.Wait()
	}
	if p.guest != nil {
		p.guest.close()
	}
}

// ways are the programs and the mechanisms, as they are called in the tables.
const (
	wayOwn   = "coracle"
	waySlirp = "slirp4netns"
	wayPasta = "pasta"
	wayVeth  = "veth, rootful"
)

// best is the MTU that the peers are fastest with.
const best = 65520

// open makes a path; n is one that no other has.
func openPath(w *netWorld, name string, mtu, n int) (p *netPath, err error) {
	p = &netPath{Name: name, MTU: mtu, host: "10.0.2.2", published: fmt.Sprintf("127.0.0.1:%d", firstHostPort+n)}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.guest, err = startAgent(unix.CLONE_NEWUSER | unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	switch name {
	case wayOwn:
		err = p.own(n)
	case waySlirp:
		err = p.slirp4netns(w, n)
	case wayPasta:
		err = p.pasta(w, n)
	case wayVeth:
		err = p.veth(w, n)
	}
	if err == nil {
		w.congestion(p.guest)
	}
	return p, err
}

// own is the stack of this project, in a process that does nothing else.
func (p *netPath) own(n int) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.guest.pid()))
	if err != nil {
		return err
	}
	defer ns.Close()
	p.helper = netCommand("stack", strconv.Itoa(p.MTU), strconv.Itoa(firstHostPort+n))
	p.helper.ExtraFiles = []*os.File{ns}
	out, err := p.helper.StdoutPipe()
	if err == nil {
		err = p.helper.Start()
	}
	if err != nil {
		return err
	}
	return ready(out)
}

// ready waits for a helper to say something.
func ready(r io.Reader) error {
	if n, err := r.Read(make([]byte, 64)); n == 0 {
		return fmt.Errorf("the helper ended: %w", err)
	}
	return nil
}

func (p *netPath) slirp4netns(w *netWorld, n int) error {
	program, err := exec.LookPath("slirp4netns")
	if err != nil {
		return errNotInstalled
	}
	r, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	api := filepath.Join(w.dir, fmt.Sprintf("slirp4netns-%d", n))
	p.helper = exec.Command(program, "-c", "-m", strconv.Itoa(p.MTU), "-r", "3", "-a", api, strconv.Itoa(p.guest.pid()), "tap0")
	p.helper.ExtraFiles = []*os.File{out}
	p.helper.SysProcAttr = dying()
	err = p.helper.Start()
	out.Close()
	if err != nil {
		return err
	}
	if err := ready(r); err != nil {
		return err
	}
	conn, err := net.Dial("unix", api)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(conn, `{"execute":"add_hostfwd","arguments":{"proto":"tcp","host_addr":"127.0.0.1","host_port":%d,"guest_addr":"10.0.2.100","guest_port":%d}}`, firstHostPort+n, guestPort)
	_ = conn.(*net.UnixConn).CloseWrite()
	var reply struct {
		Error *struct{ Desc string } `json:"error"`
	}
	if err := json.NewDecoder(conn).Decode(&reply); err != nil {
		return err
	}
	if reply.Error != nil {
		return fmt.Errorf("add_hostfwd: %s", reply.Error.Desc)
	}
	return nil
}

func (p *netPath) pasta(w *netWorld, n int) error {
	program, err := exec.LookPath("pasta")
	if err != nil {
		return errNotInstalled
	}
	p.host = worldGateway // which pasta leads to the world's loopback
	log, err := os.Create(filepath.Join(w.dir, "pasta"))
	if err != nil {
		return err
	}
	defer log.Close()
	p.helper = exec.Command(program, "--config-net", "-f", "-q", "-m", strconv.Itoa(p.MTU), "-4",
		"-t", fmt.Sprintf("127.0.0.1/%d:%d", firstHostPort+n, guestPort), "-u", "none", "-T", "none", "-U", "none", strconv.Itoa(p.guest.pid()))
	p.helper.SysProcAttr, p.helper.Stderr = dying(), log
	if err := p.helper.Start(); err != nil {
		return err
	}
	for range 200 {
		if err = p.guest.run("ip -4 route get " + worldGateway); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	return errors.Join(err, fmt.Errorf("pasta: %s", lastLines(string(text), 2)))
}

// veth is a pair of devices, which takes root's rights in both namespaces.
func (p *netPath) veth(w *netWorld, n int) error {
	p.host = fmt.Sprintf("10.77.%d.1", n)
	guest := fmt.Sprintf("10.77.%d.2", n)
	p.published = fmt.Sprintf("%s:%d", guest, guestPort)
	for _, line := range []string{
		fmt.Sprintf("ip link add veth%d mtu %d type veth peer name eth0 mtu %d netns %d", n, p.MTU, p.MTU, p.guest.pid()),
		fmt.Sprintf("ip addr add %s/24 dev veth%d", p.host, n),
		fmt.Sprintf("ip link set veth%d up", n),
	} {
		if err := w.host.run(line); err != nil {
			return err
		}
	}
	for _, line := range []string{"ip link set lo up", "ip addr add " + guest + "/24 dev eth0", "ip link set eth0 up"} {
		if err := p.guest.run(line); err != nil {
			return err
		}
	}
	return nil
}

// helperCPU is the processor time that the helper has used, in steps of 10 ms.
func (p *netPath) helperCPU() time.Duration {
	if p.helper == nil {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.helper.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100) // USER_HZ
}

// helperMemory is what the helper has in memory, in bytes.
func (p *netPath) helperMemory() int64 {
	if p.helper == nil {
		return 0
	}
	m, err := readMemory(p.helper.Process.Pid)
	if err != nil {
		return 0
	}
	return m.Rss
}
