package nft

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// insideName is the test program in user and network namespaces of its own.
const insideName = "nft-test-inside"

// again runs a test there, as root of them.
func again(t *testing.T) (inside bool) {
	t.Helper()
	if os.Args[0] == insideName {
		return true
	}
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("program nft: it shows what the kernel has understood")
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{insideName, "-test.run=^" + t.Name() + "$", "-test.v"},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// remove is a batch that removes a table with all that is in it.
func remove(table string) *Batch {
	return &Batch{parts: []part{{"table " + table, unix.NFT_MSG_DELTABLE, 0, text(unix.NFTA_TABLE_NAME, table)}}}
}

// listed is what nft(8) shows, without how it is indented.
func listed(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("nft", "list", "ruleset").Output()
	must(t, err)
	var lines []string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

func dial(t *testing.T) *Conn {
	t.Helper()
	c, err := Dial()
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// TestRules holds every expression against what nft(8) makes of it.
func TestRules(t *testing.T) {
	if !again(t) {
		return
	}
	four, six := netip.MustParsePrefix("10.88.0.0/16"), netip.MustParsePrefix("fd00:88::/61")
	tests := []struct {
		want string
		rule Rule
	}{
		{`iifname "coracle0" accept`, slices.Concat(In("coracle0"), []Expr{Decide(Accept)})},
		{`oifname != "coracle0" drop`, slices.Concat(Out("coracle0", false), []Expr{Decide(Drop)})},
		{`oifname "a" jump other`, slices.Concat(Out("a", true), []Expr{Jump("other")})},
		{`ip saddr 10.88.0.0/16 drop`, slices.Concat(Family(four.Addr()), From(four, true), []Expr{Decide(Drop)})},
		{`ip saddr != 10.88.0.0/13 drop`, slices.Concat(Family(four.Addr()), From(netip.MustParsePrefix("10.88.0.0/13"), false), []Expr{Decide(Drop)})},
		{`ip6 saddr != fd00:88::/61 drop`, slices.Concat(Family(six.Addr()), From(six, false), []Expr{Decide(Drop)})},
		{`ip6 daddr fd00:88::5 drop`, slices.Concat(Family(six.Addr()), To(netip.MustParsePrefix("fd00:88::5/128"), true), []Expr{Decide(Drop)})},
		{`ip daddr 192.0.2.1 fib daddr type local accept`, slices.Concat(Family(four.Addr()), To(netip.MustParsePrefix("192.0.2.1/32"), true), Local(), []Expr{Decide(Accept)})},
		{`ct state established,related accept`, slices.Concat(Known(), []Expr{Decide(Accept)})},
		{`ct status dnat accept`, slices.Concat(Redirected(), []Expr{Decide(Accept)})},
		{`tcp dport 8080 reject`, slices.Concat(Protocol(6), Port(8080), []Expr{Reject()})},
		{`icmpv6 type nd-router-advert drop`, slices.Concat(Protocol(58), ICMPType(134), []Expr{Decide(Drop)})},
	}
	nat := []struct {
		want string
		rule Rule
	}{
		{`meta nfproto ipv4 udp dport 53 dnat ip to 10.88.0.5:5353`, slices.Concat(Family(four.Addr()), Protocol(17), Port(53), DNAT(netip.MustParseAddrPort("10.88.0.5:5353")))},
		{`meta nfproto ipv6 tcp dport 80 dnat ip6 to [fd00:88::5]:8080`, slices.Concat(Family(six.Addr()), Protocol(6), Port(80), DNAT(netip.MustParseAddrPort("[fd00:88::5]:8080")))},
	}
	table := Table{Name: "t", Chains: []Chain{
		{Name: "forward", Kind: "filter", Hook: unix.NF_INET_FORWARD, Priority: Filter},
		{Name: "in", Kind: "nat", Hook: unix.NF_INET_PRE_ROUTING, Priority: DestinationNAT},
		{Name: "out", Kind: "nat", Hook: unix.NF_INET_POST_ROUTING, Priority: SourceNAT, Rules: []Rule{{Masquerade()}}},
		{Name: "other"},
	}}
	for _, x := range tests {
		table.Chains[0].Rules = append(table.Chains[0].Rules, x.rule)
	}
	for _, x := range nat {
		table.Chains[1].Rules = append(table.Chains[1].Rules, x.rule)
	}
	var b Batch
	b.Add(table)
	must(t, dial(t).Apply(&b))
	have := strings.Split(listed(t), "\n")
	plain := func(s string) string { return strings.ReplaceAll(s, `"`, "") }
	for _, want := range append(tests, nat...) {
		if !slices.ContainsFunc(have, func(line string) bool { return plain(line) == plain(want.want) }) {
			t.Errorf("no %q in\n%s", want.want, strings.Join(have, "\n"))
		}
	}
	for _, want := range []string{"masquerade", "type filter hook forward priority filter; policy accept;", "type nat hook prerouting priority dstnat; policy accept;"} {
		if !slices.Contains(have, want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestOwned: a table goes with the last descriptor of its socket, not before, and
// nobody else can change or flush it.
func TestOwned(t *testing.T) {
	if !again(t) {
		return
	}
	c := dial(t)
	var b Batch
	b.Add(Table{Name: "mine", Chains: []Chain{{Name: "c"}}})
	must(t, c.Apply(&b))
	other := dial(t)
	if err := other.Apply(remove("mine")); !errors.Is(err, unix.EPERM) {
		t.Errorf("another's socket deletes it: %v", err)
	}
	if out, err := exec.Command("nft", "flush", "ruleset").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	held, err := unix.FcntlInt(uintptr(c.FD()), unix.F_DUPFD_CLOEXEC, 3)
	must(t, err)
	must(t, unix.Close(c.fd))
	if !strings.Contains(listed(t), "table inet mine") {
		t.Error("gone although its socket is open")
	}
	c.fd = held
	must(t, c.Apply(remove("mine")))
	var back Batch
	back.Add(Table{Name: "mine"})
	must(t, c.Apply(&back))
	c.Close()
	if all := listed(t); all != "" {
		t.Errorf("left:\n%s", all)
	}
}

// TestWhole: of a batch that fails nothing is left, and the error says what failed.
func TestWhole(t *testing.T) {
	if !again(t) {
		return
	}
	c := dial(t)
	var b Batch
	b.Add(Table{Name: "t", Chains: []Chain{
		{Name: "a", Rules: []Rule{{Decide(Accept)}, {Jump("nowhere")}}}, {Name: "b", Rules: []Rule{{Decide(Drop)}}},
	}})
	err := c.Apply(&b)
	var e *Error
	if !errors.As(err, &e) || e.What != "rule 2 of chain a" || e.Errno != unix.ENOENT {
		t.Errorf("error %v", err)
	}
	if all := listed(t); all != "" {
		t.Errorf("left:\n%s", all)
	}
	var again Batch // the socket is as good as new
	again.Add(Table{Name: "t"})
	must(t, c.Apply(&again))
	if err := c.Apply(&again); !errors.Is(err, unix.EEXIST) {
		t.Errorf("the same once more: %v", err)
	}
}

// TestMany: thousands of rules are one batch.
func TestMany(t *testing.T) {
	if !again(t) {
		return
	}
	c := dial(t)
	var rules []Rule
	for i := range 4096 {
		rules = append(rules, slices.Concat(Protocol(6), Port(uint16(i)), DNAT(netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(i)))))
	}
	var b Batch
	b.Add(Table{Name: "t", Chains: []Chain{{Name: "c", Kind: "nat", Hook: unix.NF_INET_PRE_ROUTING, Rules: rules}}})
	must(t, c.Apply(&b))
	if n := strings.Count(listed(t), "dnat"); n != len(rules) {
		t.Errorf("%d rules of %d", n, len(rules))
	}
}

// TestListHooked finds what nft(8) has made.
func TestListHooked(t *testing.T) {
	if !again(t) {
		return
	}
	c := dial(t)
	list, err := c.ListHooked()
	if err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	rules := "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }; add chain ip filter other; " +
		"add table inet x; add chain inet x in { type filter hook input priority 0; }"
	if out, err := exec.Command("nft", rules).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	list, err = c.ListHooked()
	want := []Hooked{
		{unix.NFPROTO_IPV4, "filter", "FORWARD", unix.NF_INET_FORWARD, true}, {unix.NFPROTO_INET, "x", "in", unix.NF_INET_LOCAL_IN, false},
	}
	slices.SortFunc(list, func(a, b Hooked) int { return strings.Compare(a.Table, b.Table) })
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("%+v, %v", list, err)
	}
}

// FuzzHooked: no answer, however damaged, does harm.
func FuzzHooked(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 8, 0, 1, 0, 'f', 0, 0, 0})
	f.Add([]byte{2, 0, 0, 0, 16, 0, 4, 128, 8, 0, 1, 0, 0, 0, 0, 2, 8, 0, 5, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := parseHooked(b); ok && len(h.Table)+len(h.Chain) > len(b) {
			t.Errorf("%+v", h)
		}
	})
}
