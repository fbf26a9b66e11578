package launcher

import (
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"coracle/launcher/cgroup"
	"coracle/launcher/intent"
	"coracle/slirp"
	"coracle/slirp/networks"
)

// TestBridgeInRequest: what the caller has chosen is what the supervisor gets.
func TestBridgeInRequest(t *testing.T) {
	for _, want := range []*networks.Network{nil, networks.Default()} {
		r, got := request{Bridge: want}, request{}
		if err := got.decode(r.encode()); err != nil || !reflect.DeepEqual(got.Bridge, want) {
			t.Errorf("%+v: %+v, %v", want, got.Bridge, err)
		}
	}
	for _, bad := range []string{"{", "{}", `{"Subnets":[]}`, "x"} {
		d := reader{b: putString(nil, bad)}
		if n := d.bridge(); n != nil || !d.bad {
			t.Errorf("%s: %+v", bad, n)
		}
	}
}

// TestCheckBridge: what a network on the host cannot do is refused, with a way out.
func TestCheckBridge(t *testing.T) {
	at := func(ip string) intent.Attachment {
		a := intent.Attachment{Network: networks.DefaultName}
		if ip != "" {
			a.IP4 = netip.MustParseAddr(ip)
		}
		return a
	}
	egress := &intent.Slirp{Options: slirp.Options{Egress: []string{"lan"}}}
	hidden := &intent.Slirp{Options: slirp.Options{HideClients: true}}
	for _, x := range []struct {
		about  string
		bridge *networks.Network
		list   []intent.Attachment
		slirp  *intent.Slirp
		want   string
	}{
		{"plain", networks.Default(), []intent.Attachment{at("")}, &intent.Slirp{}, ""},
		{"an address", networks.Default(), []intent.Attachment{at("10.88.0.9")}, &intent.Slirp{}, ""},
		{"the host's address", networks.Default(), []intent.Attachment{at("10.88.255.254")}, &intent.Slirp{}, "--ip 10.88.255.254: the host has"},
		{"beside another", networks.Default(), []intent.Attachment{at(""), {Network: "web"}}, &intent.Slirp{}, "cannot stand beside other networks"},
		{"egress", networks.Default(), []intent.Attachment{at("")}, egress, "--egress: "},
		{"hidden clients", networks.Default(), []intent.Attachment{at("")}, hidden, "--source-ip gateway: "},
		{"not the host's", nil, []intent.Attachment{at("10.88.255.254"), {Network: "web"}}, egress, ""},
	} {
		l := &launch{bridge: x.bridge, extras: &intent.Extras{Attachments: x.list, Slirp: x.slirp}}
		err := l.checkBridge()
		if (err == nil) != (x.want == "") || err != nil && (!strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), "\n  fix: ")) {
			t.Errorf("%s: %v", x.about, err)
		}
	}
}

// onHostName is the test program that says whether it may administer its network.
const onHostName = "bridge-test-on-host"

// TestOnHost: root of a user namespace may administer the network that it has made, and
// not the one that it was born in.
func TestOnHost(t *testing.T) {
	if os.Args[0] == onHostName {
		if onHost() {
			os.Exit(0)
		}
		os.Exit(3)
	}
	for flags, want := range map[uintptr]int{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET: 0, syscall.CLONE_NEWUSER: 3} {
		cmd := &exec.Cmd{
			Path: "/proc/self/exe", Args: []string{onHostName, "-test.run=^TestOnHost$"},
			SysProcAttr: &syscall.SysProcAttr{
				Cloneflags:  flags,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			},
		}
		_ = cmd.Run()
		if status := cmd.ProcessState.ExitCode(); status != want {
			t.Errorf("flags %#x: status %d, want %d", flags, status, want)
		}
	}
}

// TestUplinkOrder: a damaged order does nothing.
func TestUplinkOrder(t *testing.T) {
	o := uplinkOrder{ID: "x", Network: networks.Default(), Ports: []string{"nonsense"}}
	dir := t.TempDir()
	if rules, err := o.uplink(dir, -1, func(string) {}); rules != nil || err == nil {
		t.Errorf("%v, %v", rules, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()
	l := &launch{options: &intent.Options{}}
	for _, payload := range []string{"", "{", "{}", `{"Network":{}}`} {
		if err := l.serveUplink(conn{ours}, []byte(payload), nil); err == nil {
			t.Errorf("%q is answered", payload)
		}
	}
}

// TestKeeperScope: what systemd is asked for is a unit of the process's own.
func TestKeeperScope(t *testing.T) {
	o := keeperScope(&cgroup.Host{Way: cgroup.Systemd, Bus: "/run/bus"}, 7)
	if s := o.Scope; o.V1 != nil || s == nil || s.Bus != "/run/bus" || s.PID != 7 || s.Name != "coracle-forward-7.scope" || s.Slice != "" {
		t.Errorf("%+v", o)
	}
}
