package places

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/intent"
	"coracle/launcher/usernet"
	"coracle/slirp/networks"
	"coracle/storage"
)

func newNetworks(t *testing.T, names ...string) *Networks {
	t.Helper()
	data := t.TempDir()
	n := &Networks{
		Store: networks.Store{Dir: filepath.Join(data, networks.DirName)}, Run: t.TempDir(),
		Containers: containers.Set{Containers: storage.Containers{Data: data}},
	}
	for i, name := range names {
		p := networks.Params{Name: name, Subnets: []networks.Subnet{{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.99.%d.0/24", i))}}}
		if _, err := n.Make(p); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// container makes one that is to be in networks; it runs until its lock is closed.
func (n *Networks) container(t *testing.T, name string, keep bool, network ...string) *storage.Dir {
	t.Helper()
	options, err := (&intent.Options{Network: network}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	p := storage.Params{Name: name, Keep: keep}
	if keep {
		b, err := json.Marshal(containers.Intent{Version: 1, Options: options})
		if err != nil {
			t.Fatal(err)
		}
		p.Facts = []storage.Fact{{Name: containers.IntentFact, Data: b}}
	}
	d, err := n.Containers.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Lock.Close() })
	return d
}

// join leaves the fact of a member.
func (n *Networks) join(t *testing.T, network string, d *storage.Dir, address string) {
	t.Helper()
	dir := filepath.Join(n.Run, "networks", network)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m := usernet.Member{Version: 1, ID: d.ID, Name: d.Name, Dir: d.Path, IP4: netip.MustParseAddr(address), MAC: "02:42:0a:63:00:02", Interface: "eth0"}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, d.ID), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPlaces(t *testing.T) {
	n := newNetworks(t, "web", "db")
	runs := n.container(t, "runs", true, "web:alias=x", "db", "gone")
	stopped := n.container(t, "stopped", true, "db")
	stopped.Lock.Close()
	scratch := n.container(t, "scratch", false)
	alone := n.container(t, "alone", true, "host")
	killed := n.container(t, "killed", true, "web")
	n.join(t, "web", runs, "10.99.0.2")
	n.join(t, "web", scratch, "10.99.0.3")
	n.join(t, "web", killed, "10.99.0.4")
	killed.Lock.Close()
	all, err := n.Places()
	if err != nil {
		t.Fatal(err)
	}
	say := func(d *storage.Dir) string {
		var words []string
		for _, p := range all[d.ID] {
			word := p.Network.Name + strings.Join(p.Asked.Aliases, "+")
			if p.Network.ID == "" {
				word += "?"
			}
			if p.Member != nil {
				word += "=" + p.Member.IP4.String()
			}
			words = append(words, word)
		}
		return strings.Join(words, " ")
	}
	for _, c := range []struct {
		d    *storage.Dir
		want string
	}{{runs, "webx=10.99.0.2 db gone?"}, {stopped, "db"}, {scratch, "web=10.99.0.3"}, {alone, ""}, {killed, "web"}} {
		if got := say(c.d); got != c.want {
			t.Errorf("%s: %q, want %q", c.d.Name, got, c.want)
		}
	}
	x, err := n.Containers.Find("scratch")
	if err != nil {
		t.Fatal(err)
	}
	if one, err := n.PlacesOf(x); err != nil || len(one) != 1 || len(one[scratch.ID]) != 1 {
		t.Errorf("%+v %v", one, err)
	}
	users, err := n.Users()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{runs.ID, scratch.ID, killed.ID}
	sort.Strings(want)
	if got := slices.Sorted(slices.Values(users["web"])); !slices.Equal(got, want) || len(users["db"]) != 2 || len(users["bridge"]) != 0 {
		t.Errorf("%v", users)
	}
}

func TestDiscard(t *testing.T) {
	n := newNetworks(t, "web", "db", "free", "bad")
	named := n.container(t, "named", true, "web")
	named.Lock.Close()
	scratch := n.container(t, "scratch", false)
	n.join(t, "db", scratch, "10.99.1.2")
	if err := os.WriteFile(filepath.Join(n.Dir, "bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, who := range map[string]string{"web": "named", "db": "scratch"} {
		err := n.Discard(&networks.Network{Name: name})
		if !errors.Is(err, networks.ErrNetworkInUse) || !strings.Contains(err.Error(), "used by "+who+"\n  fix: coracle rm -f "+who) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := n.Discard(networks.Default()); !errors.Is(err, networks.ErrDefault) {
		t.Error(err)
	}
	var gone []string
	if err := n.Prune(func(n *networks.Network) bool { return n.Name != "db" }, func(name string) { gone = append(gone, name) }); err != nil || !slices.Equal(gone, []string{"free"}) {
		t.Errorf("pruned %v %v", gone, err)
	}
	if err := n.Discard(&networks.Network{Name: "bad"}); err != nil {
		t.Error(err)
	}
	if err := n.Discard(&networks.Network{Name: "bad"}); !errors.Is(err, networks.ErrNoNetwork) {
		t.Error(err)
	}
	scratch.Lock.Close()
	if err := n.Discard(&networks.Network{Name: "db"}); err != nil {
		t.Error(err)
	}
	// Locks leave no directories behind, but for what somebody was in who was killed.
	left, err := os.ReadDir(filepath.Join(n.Run, "networks"))
	if err != nil || len(left) > 1 || len(left) == 1 && left[0].Name() != "db" {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestEvents(t *testing.T) {
	n := newNetworks(t, "web")
	web, err := n.Find("web")
	if err != nil {
		t.Fatal(err)
	}
	n.Tell(events.Connect, web, "c1")
	if err := n.Discard(web); err != nil {
		t.Fatal(err)
	}
	n.TellPrune()
	var got []string
	err = events.Read(t.Context(), n.Containers.Data, events.Query{Since: web.Created.Add(-1)}, func(e *events.Event) error {
		if e.Type == events.Network {
			got = append(got, e.Action()+" "+e.Name+e.Attributes["container"])
		}
		return nil
	})
	if want := []string{"create web", "connect webc1", "destroy web", "prune "}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
}
