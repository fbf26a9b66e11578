package launcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/slirp/networks"
	"coracle/storage"
)

func TestChangeNetworks(t *testing.T) {
	data := t.TempDir()
	all := &Containers{Set: containers.Set{Containers: storage.Containers{Data: data}}, run: t.TempDir()}
	n := all.Networks()
	for _, name := range []string{"web", "db"} {
		if _, err := n.Make(networks.Params{Name: name, Subnets: subnetOf(t, map[string]string{"web": "10.99.0.0/24", "db": "10.99.1.0/24"}[name])}); err != nil {
			t.Fatal(err)
		}
	}
	make := func(name string, network ...string) {
		t.Helper()
		o, err := (&intent.Options{Network: network}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(containers.Intent{Version: 1, Options: o, Image: "img"})
		if err != nil {
			t.Fatal(err)
		}
		d, err := all.Create(storage.Params{Name: name, Keep: true, Facts: []storage.Fact{{Name: containers.IntentFact, Data: b}}})
		if err != nil {
			t.Fatal(err)
		}
		d.Lock.Close()
	}
	recorded := func(name string) ([]string, string) {
		t.Helper()
		x, err := all.Find(name)
		if err != nil || x.Err != nil || x.Intent.Image != "img" {
			t.Fatalf("%+v %v", x, err)
		}
		var o intent.Options
		if err := json.Unmarshal(x.Intent.Options, &o); err != nil {
			t.Fatal(err)
		}
		return o.Network, x.Intent.Network
	}
	make("plain")
	make("web", "web:alias=a")
	make("host", "host")
	for _, c := range []struct {
		container string
		connect   *intent.Attachment
		network   string // to disconnect from
		want      []string
		mode      string
		err       error
	}{
		{"plain", &intent.Attachment{Network: "web", Aliases: []string{"x"}}, "", []string{"slirp", "web:alias=x"}, "web", nil},
		{"plain", &intent.Attachment{Network: "web"}, "", []string{"slirp", "web:alias=x"}, "web", ErrConnected},
		{"plain", &intent.Attachment{Network: "db"}, "", []string{"slirp", "web:alias=x", "db"}, "web", nil},
		{"plain", nil, "web", []string{"slirp", "db"}, "db", nil},
		{"plain", nil, "web", []string{"slirp", "db"}, "db", ErrNotConnected},
		{"plain", nil, "db", []string{"slirp"}, "slirp", nil},
		{"web", nil, "web", []string{"none"}, "none", nil},
		{"web", &intent.Attachment{Network: "bridge"}, "", []string{"bridge"}, "bridge", nil},
		{"web", &intent.Attachment{Network: "bridge", Aliases: []string{"x"}}, "", []string{"bridge"}, "bridge", intent.ErrConflict},
		{"web", &intent.Attachment{Network: "nope"}, "", []string{"bridge"}, "bridge", networks.ErrNoNetwork},
		{"web", nil, "nope", []string{"bridge"}, "bridge", networks.ErrNoNetwork},
		{"host", &intent.Attachment{Network: "web"}, "", []string{"host"}, "", intent.ErrConflict},
	} {
		var err error
		if c.connect != nil {
			err = n.Connect(t.Context(), c.container, *c.connect)
		} else {
			err = n.Disconnect(t.Context(), c.container, c.network, false)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%+v: %v", c, err)
		}
		if got, mode := recorded(c.container); !slices.Equal(got, c.want) || mode != c.mode {
			t.Errorf("%s: %v, network %s; want %v, %s", c.container, got, mode, c.want, c.mode)
		}
		if c.connect == nil && c.err != nil {
			if err := n.Disconnect(t.Context(), c.container, c.network, true); err != nil {
				t.Errorf("with force: %v", err)
			}
		}
	}
	if err := n.Connect(t.Context(), "ghost", intent.Attachment{Network: "web"}); !errors.Is(err, storage.ErrNoContainer) {
		t.Error(err)
	}
	if err := n.Disconnect(t.Context(), "ghost", "web", true); err != nil {
		t.Error(err)
	}
	if err := n.Remove(t.Context(), "bridge", true, nil, nil); !errors.Is(err, networks.ErrDefault) {
		t.Error(err)
	}
	if err := n.Remove(t.Context(), "web", false, nil, nil); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(data, networks.DirName, "*")); err != nil || len(left) != 1 || !strings.HasSuffix(left[0], "/db.json") {
		t.Errorf("%v %v", left, err)
	}
}

// TestChangeTogether: of changes to a container's record at the same time all stay.
func TestChangeTogether(t *testing.T) {
	all := &Containers{Set: containers.Set{Containers: storage.Containers{Data: t.TempDir()}}, run: t.TempDir()}
	n := all.Networks()
	o, err := (&intent.Options{}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(containers.Intent{Version: 1, Options: o, Image: "img"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := all.Create(storage.Params{Name: "box", Keep: true, Facts: []storage.Fact{{Name: containers.IntentFact, Data: b}}})
	if err != nil {
		t.Fatal(err)
	}
	d.Lock.Close()
	var changes sync.WaitGroup
	const each = 8
	for i := range each {
		name := fmt.Sprint("net", i)
		if _, err := n.Make(networks.Params{Name: name, Subnets: subnetOf(t, fmt.Sprintf("10.99.%d.0/24", i))}); err != nil {
			t.Fatal(err)
		}
		port := parsedPorts(t, fmt.Sprint(8000+i))
		changes.Go(func() {
			if err := n.Connect(t.Context(), "box", intent.Attachment{Network: name}); err != nil {
				t.Error(err)
			}
		})
		changes.Go(func() {
			x, err := all.Find("box")
			if err == nil {
				err = keepPorts(x, addPort, port, nil)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	changes.Wait()
	x, err := all.Find("box")
	if err != nil || x.Err != nil {
		t.Fatal(err, x)
	}
	var got intent.Options
	if err := json.Unmarshal(x.Intent.Options, &got); err != nil {
		t.Fatal(err)
	}
	if list, err := got.Attachments(); err != nil || len(list) != each || len(got.Publish) != each {
		t.Errorf("%v, %v, %v", list, got.Publish, err)
	}
}

func subnetOf(t *testing.T, prefix string) []networks.Subnet {
	t.Helper()
	var list []networks.Subnet
	if err := json.Unmarshal([]byte(`[{"Prefix":"`+prefix+`"}]`), &list); err != nil {
		t.Fatal(err)
	}
	return list
}
