package main_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// podmanNetwork is what podman's Go clients read of a network (types.Network of
// containers/common, and since podman 5 the containers).
type podmanNetwork struct {
	Name             string    `json:"name"`
	ID               string    `json:"id"`
	Driver           string    `json:"driver"`
	NetworkInterface string    `json:"network_interface"`
	Created          time.Time `json:"created"`
	Subnets          []struct {
		Subnet     netip.Prefix `json:"subnet"`
		Gateway    netip.Addr   `json:"gateway"`
		LeaseRange *struct {
			StartIP netip.Addr `json:"start_ip"`
			EndIP   netip.Addr `json:"end_ip"`
		} `json:"lease_range"`
	} `json:"subnets"`
	IPv6Enabled bool              `json:"ipv6_enabled"`
	Internal    bool              `json:"internal"`
	DNSEnabled  bool              `json:"dns_enabled"`
	Labels      map[string]string `json:"labels"`
	Options     map[string]string `json:"options"`
	IPAMOptions map[string]string `json:"ipam_options"`
	Containers  map[string]struct {
		Name       string `json:"name"`
		Interfaces map[string]struct {
			Subnets []struct {
				IPNet   netip.Prefix `json:"ipnet"`
				Gateway netip.Addr   `json:"gateway"`
			} `json:"subnets"`
			MAC string `json:"mac_address"`
		} `json:"interfaces"`
	} `json:"containers"`
}

// What is printed about networks is what docker's and podman's own clients decode.
func TestNetworkDecodes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: makes users of its own")
	}
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skip("tun: a network has a way out")
	} else {
		f.Close()
	}
	theSuite.install(t)
	w := newCrashWorld(t)
	w.coracle(strings.Fields("network create --subnet 10.97.0.0/24 --ip-range 10.97.0.128/25 --subnet fd97::/64 --label k=v -o mtu=1400 web"))
	w.coracle(strings.Fields("run -d --name c --network web --network-alias x --ip 10.97.0.9 coracle/base sleep 1000"))
	w.coracle(strings.Fields("create --name made --network web coracle/base true"))
	text := []byte(w.coracle([]string{"network", "inspect", "web", "bridge"}))
	id := strings.TrimSpace(w.coracle([]string{"inspect", "-f", "{{.Id}}", "c"}))

	var docker []network.Inspect
	if err := json.Unmarshal(text, &docker); err != nil || len(docker) != 2 {
		t.Fatalf("docker: %v\n%s", err, text)
	}
	n := docker[0]
	if n.Name != "web" || len(n.ID) != 64 || n.Scope != "local" || n.Driver != "bridge" || !n.EnableIPv6 || n.Internal || n.Labels["k"] != "v" || n.Created.IsZero() {
		t.Errorf("%+v", n)
	}
	if len(n.IPAM.Config) != 2 || n.IPAM.Config[0].Subnet.String() != "10.97.0.0/24" || n.IPAM.Config[0].IPRange.String() != "10.97.0.128/25" || n.IPAM.Config[1].Gateway.String() != "fd97::1" {
		t.Errorf("%+v", n.IPAM)
	}
	if c := n.Containers[id]; c.Name != "c" || c.IPv4Address.String() != "10.97.0.9/24" || !c.IPv6Address.IsValid() || len(c.MacAddress) != 6 || len(n.Containers) != 1 {
		t.Errorf("%+v", n.Containers)
	}
	var podman []podmanNetwork
	if err := json.Unmarshal(text, &podman); err != nil || len(podman) != 2 {
		t.Fatalf("podman: %v\n%s", err, text)
	}
	p := podman[0]
	if p.Name != "web" || p.ID != n.ID || p.NetworkInterface == "" || !p.DNSEnabled || !p.IPv6Enabled || len(p.Subnets) != 2 || p.Subnets[0].LeaseRange.StartIP.String() != "10.97.0.128" || p.Options["mtu"] != "1400" || p.IPAMOptions["driver"] == "" {
		t.Errorf("%+v", p)
	}
	if c := p.Containers[id]; c.Name != "c" || len(c.Interfaces["eth0"].Subnets) != 2 || c.Interfaces["eth0"].Subnets[0].IPNet.String() != "10.97.0.9/24" {
		t.Errorf("%+v", p.Containers)
	}
	if podman[1].DNSEnabled || podman[1].Name != "bridge" {
		t.Errorf("%+v", podman[1])
	}
	var list []podmanNetwork
	if err := json.Unmarshal([]byte(w.coracle([]string{"network", "ls", "--format", "json"})), &list); err != nil || len(list) != 2 || list[1].ID != n.ID {
		t.Errorf("ls: %+v %v", list, err)
	}

	text = []byte(w.coracle([]string{"inspect", "c", "made"}))
	var containers []container.InspectResponse
	if err := json.Unmarshal(text, &containers); err != nil || len(containers) != 2 {
		t.Fatalf("docker: %v\n%s", err, text)
	}
	e := containers[0].NetworkSettings.Networks["web"]
	if e == nil || e.NetworkID != n.ID || e.IPAddress.String() != "10.97.0.9" || e.IPPrefixLen != 24 || e.Gateway.String() != "10.97.0.1" || e.GlobalIPv6PrefixLen != 64 ||
		len(e.MacAddress) != 6 || !slices.Equal(e.Aliases, []string{"x"}) || !slices.Equal(e.DNSNames, []string{"c", "x", id[:12]}) || e.IPAMConfig.IPv4Address.String() != "10.97.0.9" {
		t.Errorf("%+v", e)
	}
	if e := containers[1].NetworkSettings.Networks["web"]; e == nil || e.IPAddress.IsValid() || e.EndpointID != "" {
		t.Errorf("of a container that does not run: %+v", e)
	}
	if string(containers[0].HostConfig.NetworkMode) != "web" {
		t.Errorf("mode %s", containers[0].HostConfig.NetworkMode)
	}
	var inspected []podmanInspect
	if err := json.Unmarshal(text, &inspected); err != nil || inspected[0].NetworkSettings.Networks["web"].IPAddress != "10.97.0.9" || inspected[0].NetworkSettings.IPAddress != "10.97.0.9" {
		t.Errorf("podman: %v\n%s", err, text)
	}
	w.coracle([]string{"rm", "-f", "-a", "-t", "0"})
	w.coracle([]string{"network", "rm", "web"})
}
