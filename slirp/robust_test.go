package slirp

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// far is a machine that the host of a test reaches over a link of its own, at
// 198.51.100.1. Its server is that of containerMain.
func far(t *testing.T) (pid int) {
	t.Helper()
	stdin, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{containerName}, Stdin: stdin,
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET},
	}
	ready, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	t.Cleanup(func() { end.Close(); _ = cmd.Wait() })
	if _, err := ready.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	pid = cmd.Process.Pid
	inside := "nsenter -n -t " + strconv.Itoa(pid) + " -- "
	host(t, "ip link add up0 type veth peer name far0 netns "+strconv.Itoa(pid))
	host(t, inside+"ip addr add 198.51.100.1/24 dev far0")
	host(t, inside+"ip link set far0 up")
	return pid
}

// host runs a command on the host of a test.
func host(t *testing.T, line string) {
	t.Helper()
	args := strings.Fields(line)
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// TestLinkChanges: a network begins on a host that has no way anywhere. A link
// comes, goes and comes again, addresses and name servers change: who is connected
// stays so, and notices nothing but the time it takes.
func TestLinkChanges(t *testing.T) {
	if !again(t) {
		return
	}
	c := newContainer(t, "")
	if out, err := c.sh("nc 198.51.100.1 80 </dev/null"); err == nil || !strings.Contains(out, "unreachable") {
		t.Fatalf("without a route: %v\n%s", err, out)
	}
	far(t)
	host(t, "ip addr add 198.51.100.2/24 dev up0")
	host(t, "ip link set up0 up")

	cmd := exec.Command("nsenter", "-U", "-n", "--preserve-credentials", "-t", strconv.Itoa(c.pid), "--", "busybox", "nc", "198.51.100.1", "80")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	part := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	got := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(out)
		got <- b
	}()
	names(t, "127.0.0.53:53", netip.MustParseAddr("192.0.2.80"))
	names(t, "127.0.0.54:53", netip.MustParseAddr("192.0.2.81"))
	changes := [][]string{
		{"ip link set up0 down", "ip link set up0 up"},
		{"ip addr add 203.0.113.77/24 dev up0", "ip addr del 203.0.113.77/24 dev up0"},
		{"ip route add default via 198.51.100.1", "ip route del default", "ip link set up0 mtu 1300"},
	}
	for i, lines := range changes {
		if _, err := in.Write(part); err != nil {
			t.Fatal(err)
		}
		written := make(chan error)
		go func() {
			_, err := in.Write(part) // some of it meets the change
			written <- err
		}()
		for _, line := range lines {
			host(t, line)
		}
		if err := os.WriteFile(c.resolv+"~", []byte("nameserver 127.0.0."+strconv.Itoa(53+i%2)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(c.resolv+"~", c.resolv); err != nil {
			t.Fatal(err)
		}
		want := "192.0.2." + strconv.Itoa(80+i%2)
		if out, err := c.sh("nslookup www.example 10.0.2.3"); err != nil || !strings.Contains(out, want) {
			t.Errorf("after %v: %v, want %s\n%s", lines, err, want, out)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	in.Close()
	b := <-got
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	client, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || !bytes.HasPrefix(client, []byte("198.51.100.2:")) || !bytes.Equal(rest, bytes.Repeat(part, 2*len(changes))) {
		t.Errorf("client %.40q, %d bytes came back", client, len(rest))
	}
	// The link is gone for good: who asks is told so.
	host(t, "ip link del up0")
	if out, err := c.sh("nc 198.51.100.1 80 </dev/null"); err == nil || !strings.Contains(out, "unreachable") {
		t.Errorf("without the link: %v\n%s", err, out)
	}
}
