package launcher

import (
	"strconv"
	"strings"

	"coracle/launcher/containers"
	"coracle/slirp"
)

// Port is a port of a container that the host's network leads to.
type Port struct {
	Protocol      string // tcp, udp or sctp
	ContainerPort uint16
	HostIP        string // an address, without brackets
	HostPort      uint16
}

// Container is the port as docker names it: 80/tcp.
func (p Port) Container() string {
	return strconv.Itoa(int(p.ContainerPort)) + "/" + p.Protocol
}

// Host is where it is reached: 0.0.0.0:8080, [::]:8080.
func (p Port) Host() string {
	ip := p.HostIP
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	return ip + ":" + strconv.Itoa(int(p.HostPort))
}

// Ports are the published ports of a running container, in the order in which
// they were asked for.
func Ports(x *containers.Container) (list []Port) {
	if !x.Running {
		return nil
	}
	for _, p := range containers.ReadPorts(x.Dir) {
		list = append(list, portOf(p))
	}
	return list
}

func portOf(p slirp.Port) Port {
	ip := "0.0.0.0"
	if p.HostIP.IsValid() {
		ip = p.HostIP.String()
	}
	return Port{Protocol: p.Protocol, ContainerPort: p.ContainerPort, HostIP: ip, HostPort: p.HostPort}
}
