package usernet

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/slirp/networks"
)

func (w *world) names(network string) (list []string) {
	w.t.Helper()
	all, err := w.Members(network)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range all {
		list = append(list, all[i].Name+" "+all[i].IP4.String())
	}
	return list
}

// TestTogether: members of a network reach each other, by two families, and nobody
// in another network; the last one leaves nothing.
func TestTogether(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	a, b, other := w.join("red", "a"), w.join("red", "b"), w.join("blue", "other")
	if !strings.HasPrefix(a.first, "10.80.0.2 fd00::2 02:42:0a:50:00:02 ") || !strings.HasPrefix(b.first, "10.80.0.3 fd00::3 02:42:0a:50:00:03 ") {
		t.Fatalf("%q, %q", a.first, b.first)
	}
	for _, address := range []string{"10.80.0.3", "fd00::3"} {
		if !a.reaches(address) {
			t.Errorf("a does not reach %s", address)
		}
		if other.reaches(address) {
			t.Errorf("%s is reached from another network", address)
		}
	}
	if got := w.names("red"); !slices.Equal(got, []string{"a 10.80.0.2", "b 10.80.0.3"}) {
		t.Errorf("members %v", got)
	}
	if got := b.ask("again"); got != "plugged <nil>" || !a.reaches("10.80.0.3") || !b.reaches("fd00::2") {
		t.Errorf("another run: %s", got)
	}
	a.end()
	if c := w.join("red", "c"); !strings.HasPrefix(c.first, "10.80.0.2 ") || !c.reaches("10.80.0.3") {
		t.Errorf("the free address: %q", c.first)
	} else {
		c.end()
	}
	b.end()
	other.end()
	if left, err := os.ReadDir(w.Run + "/networks"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestNames: who is asked knows names, aliases and short ids of the living.
func TestNames(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	a, b := w.join("red", "Web", "www", "shop"), w.join("red", "db", "shop")
	all, err := w.Members("red")
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for _, test := range []struct{ question, want string }{
		{"lookup web", "[10.80.0.2 fd00::2] true"},
		{"lookup www", "[10.80.0.2 fd00::2] true"},
		{"lookup " + all[1].ID[:12], "[10.80.0.3 fd00::3] true"},
		{"lookup nobody", "[] false"},
		{"reverse 10.80.0.2", "Web true"},
		{"reverse fd00::3", "db true"},
		{"reverse 10.80.0.9", " false"},
	} {
		if got := b.ask(test.question); got != strings.TrimSpace(test.want) {
			t.Errorf("%s: %q, want %q", test.question, got, test.want)
		}
	}
	if got := b.ask("lookup shop"); !strings.Contains(got, "10.80.0.2") || !strings.Contains(got, "10.80.0.3") {
		t.Errorf("an alias of two: %s", got)
	}
	if got := a.ask("rename site"); got != "renamed <nil>" {
		t.Fatal(got)
	}
	if got := b.ask("lookup site"); got != "[10.80.0.2 fd00::2] true" {
		t.Errorf("renamed: %s", got)
	}
	a.kill()
	if got := b.ask("lookup site"); got != "[] false" {
		t.Errorf("the dead are found: %s", got)
	}
	c := w.join("red", "late")
	if got := b.ask("lookup late"); !strings.HasPrefix(got, "[10.80.0.2") {
		t.Errorf("a new one: %s after %s", got, c.first)
	}
}

// TestFirstAtOnce: of members that are all the first, one makes the namespace.
func TestFirstAtOnce(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	var all []*process
	for i := range 6 {
		all = append(all, w.begin(nil, "red", fmt.Sprint("m", i)))
	}
	namespaces, addresses := make(map[string]bool), make(map[string]bool)
	for _, p := range all {
		p.hear()
		f := strings.Fields(p.first)
		if len(f) != 4 {
			t.Fatalf("%q", p.first)
		}
		addresses[f[0]], namespaces[f[3]] = true, true
	}
	if len(addresses) != len(all) || len(namespaces) != 1 {
		t.Errorf("%d members: addresses %v, namespaces %v", len(all), addresses, namespaces)
	}
	if !all[0].reaches(strings.Fields(all[5].first)[0]) {
		t.Error("they do not reach each other")
	}
}

// TestKilled: the namespace outlives who made it; the dead are no members, and
// the next who joins gets what they had.
func TestKilled(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	maker, a, b := w.join("red", "maker"), w.join("red", "a"), w.join("red", "b")
	maker.kill()
	if !a.reaches("10.80.0.4") || !b.reaches("fd00::3") {
		t.Error("those who stayed do not reach each other")
	}
	if got := w.names("red"); len(got) != 2 {
		t.Errorf("members %v", got)
	}
	c := w.join("red", "c")
	if !strings.HasPrefix(c.first, "10.80.0.2 ") || !c.reaches("10.80.0.3") || !strings.HasSuffix(c.first, strings.Fields(a.first)[3]) {
		t.Errorf("after it: %q", c.first)
	}
	for _, p := range []*process{a, b, c} {
		p.kill()
	}
	if got := w.names("red"); len(got) != 0 {
		t.Errorf("all are dead, and members are %v", got)
	}
	w.Sweep()
	if left, err := os.ReadDir(w.Run + "/networks"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if d := w.join("red", "d"); !strings.HasPrefix(d.first, "10.80.0.2 ") {
		t.Errorf("a new beginning: %q", d.first)
	}
}

// TestDeadKeepTheirAddresses: what a killed member had is another's only when its device
// is gone, which can outlive it in a namespace that somebody else shares.
func TestDeadKeepTheirAddresses(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	a, dead := w.join("red", "a"), w.join("red", "dead")
	sharer := dead.share()
	defer unix.Close(sharer)
	dead.kill()
	if !a.reaches("10.80.0.3") {
		t.Fatal("its device went with it: the test shows nothing")
	}
	w.Sweep() // as a supervisor that ends
	if a.reaches("10.80.0.3") {
		t.Error("the address is free, and its device is there")
	}
	if b := w.join("red", "b"); !strings.HasPrefix(b.first, "10.80.0.3 ") || !a.reaches("10.80.0.3") {
		t.Errorf("the next: %q", b.first)
	}
}

// TestNoID: a network is joined by its name, which is that of its lock.
func TestNoID(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	red, err := networks.Store{Dir: w.Data + "/" + networks.DirName}.Find("red")
	if err != nil {
		t.Fatal(err)
	}
	if p := w.join(red.ID[:12], "a"); !strings.Contains(p.first, "no such network") {
		t.Errorf("%q", p.first)
	}
}

// TestRefused: who cannot join is told why, and leaves no trace.
func TestRefused(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	if p := w.join("green", "a"); !strings.Contains(p.first, `no such network: "green"`) {
		t.Errorf("no such network: %q", p.first)
	}
	if p := w.join("red", "a", "ip=10.90.0.5"); !strings.Contains(p.first, "not in the subnet") {
		t.Errorf("outside: %q", p.first)
	}
	if left, err := os.ReadDir(w.Run + "/networks"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	w.join("red", "holder", "ip=10.80.0.7")
	if p := w.join("red", "b", "ip=10.80.0.7"); !strings.Contains(p.first, "address is taken: 10.80.0.7 of network red, by container holder") {
		t.Errorf("taken: %q", p.first)
	}
	p := w.begin(flags(0, syscall.CLONE_NEWNET), "red", "stranger")
	if p.hear(); !strings.Contains(p.first, ErrOtherBase.Error()) {
		t.Errorf("another user namespace: %q", p.first)
	}
	if got := w.names("red"); !slices.Equal(got, []string{"holder 10.80.0.7"}) {
		t.Errorf("members %v", got)
	}
}
