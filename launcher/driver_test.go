package launcher

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
	"coracle/slirp"
)

func portsOf(t *testing.T, list ...string) (ports []slirp.Port) {
	t.Helper()
	for _, s := range list {
		p, err := slirp.ParsePorts(s)
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, p...)
	}
	return ports
}

func TestDriverArgs(t *testing.T) {
	ports := portsOf(t, "8080:80", "127.0.0.1:53:5353/udp", "[::1]:81:80", "0.0.0.0:82:80")
	for _, c := range []struct {
		name  string
		ports []slirp.Port
		want  string
	}{
		{"pasta", ports, "/p -q -t 8080:80 -t ::1/81:80 -t 82:80 -u 127.0.0.1/53:5353 --foreground --pid /dev/stdout 42"},
		{"pasta", nil, "/p -q -t none -u none --foreground --pid /dev/stdout 42"},
		{"slirp4netns", ports, "/p -q --ready-fd=3 --api-socket=/api 42 tap0"},
		{"slirp4netns", nil, "/p -q --ready-fd=3 42 tap0"},
	} {
		d := driverOf(c.name)
		if got := strings.Join(d.args([]string{"/p", "-q"}, 42, c.ports, "/api"), " "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestDriverInRequest(t *testing.T) {
	r := request{Version: "v"}
	r.describeDriver(nil)
	r.describeDriver(&intent.Driver{Name: "pasta", Program: "/usr/bin/pasta", Args: []string{"-q"}, Ports: portsOf(t, "8080:80")})
	var got request
	if err := got.decode(r.encode()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Driver, []string{"pasta", "/usr/bin/pasta", "-q"}) || !slices.Equal(got.Ports, []string{"8080:80/tcp"}) {
		t.Errorf("%q %q", got.Driver, got.Ports)
	}
	r.Driver = r.Driver[:1] // a name without a program
	if err := new(request).decode(r.encode()); err == nil {
		t.Error("a damaged request is accepted")
	}
}

// A helper that is ready, one that ends, one that closes its output; all are reaped.
func TestStartDriver(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for script, fails := range map[string]string{
		"echo 1; exec sleep 1000":              "",
		"echo first >&2; echo second >&2":      "it ended",
		"echo first >&2; exec >&-; sleep 1000": "it ended",
	} {
		h, said, err := startDriver([]string{"/bin/sh", "-c", script}, 1)
		if h == nil {
			t.Fatal(err)
		}
		if fails == "" && err != nil || fails != "" && (err == nil || err.Error() != fails || !strings.Contains(said, "\n  first")) {
			t.Errorf("%s: %v %q", script, err, said)
		}
		h.stop()
		<-h.gone
	}
	if h, _, err := startDriver([]string{"/no/such/program"}, 1); h != nil || err == nil {
		t.Errorf("%v %v", h, err)
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WNOTHREAD, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %d %v", pid, err)
	}
}

func TestHostForward(t *testing.T) {
	for port, want := range map[string]string{
		"8080:80":             `{"execute":"add_hostfwd","arguments":{"proto":"tcp","host_port":8080,"guest_port":80}}`,
		"127.0.0.1:53:53/udp": `{"execute":"add_hostfwd","arguments":{"proto":"udp","host_addr":"127.0.0.1","host_port":53,"guest_port":53}}`,
	} {
		if b, err := hostForward(portsOf(t, port)[0]); string(b) != want || err != nil {
			t.Errorf("%s: %s %v", port, b, err)
		}
	}
	if _, err := hostForward(slirp.Port{Protocol: "tcp", HostIP: netip.IPv6Loopback(), HostPort: 1, ContainerPort: 1}); err == nil {
		t.Error("IPv6 is accepted")
	}
}

// The answers of slirp4netns, and such as it does not give.
func TestForwardAll(t *testing.T) {
	for answer, want := range map[string]string{
		`{"return": {"id": 42}}`: "", `{"return": {}}`: "",
		`{"error": {"desc": "bad request: add_hostfwd: slirp_add_hostfwd failed"}}`: "slirp_add_hostfwd failed",
		`{}`: "does not say", ``: "no answer", `[`: "no answer",
	} {
		api := filepath.Join(t.TempDir(), "api")
		l, err := net.Listen("unix", api)
		if err != nil {
			t.Fatal(err)
		}
		asked := make(chan string, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n := 0
			for {
				m, err := c.Read(b[n:])
				if n += m; err != nil {
					break
				}
			}
			asked <- string(b[:n])
			_, _ = c.Write([]byte(answer))
			c.Close()
		}()
		err = forwardAll(api, portsOf(t, "8080:80"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", answer, err)
		}
		if got := <-asked; !strings.Contains(got, `"host_port":8080`) {
			t.Errorf("asked %q", got)
		}
		l.Close()
	}
	if err := forwardAll(filepath.Join(os.DevNull, "x"), portsOf(t, "8080:80")); err == nil {
		t.Error("nobody there, and no error")
	}
}

func FuzzForwardFailed(f *testing.F) {
	f.Add([]byte(`{"return": {"id": 42}}`))
	f.Add([]byte(`{"error": {"desc": "x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := forwardFailed(b); err == nil && !strings.Contains(strings.ToLower(string(b)), "return") && !strings.Contains(string(b), `\u`) {
			t.Errorf("%q counts as done", b)
		}
	})
}

func TestInNetns(t *testing.T) {
	called := false
	if err := inNetns("", func() error { called = true; return nil }); err != nil || !called {
		t.Errorf("%v %v", called, err)
	}
	never := func() error { t.Error("called"); return nil }
	for path, want := range map[string]string{"/no/such": "ip netns list", "/etc/passwd": "not a network namespace", "/proc/self/ns/uts": "not a network namespace"} {
		if err := inNetns(path, never); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
