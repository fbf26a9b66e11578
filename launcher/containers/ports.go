package containers

import (
	"strings"

	"coracle/slirp"
	"coracle/storage"
)

// portsFact is the fact of the ports of the host's that lead into a container, a
// line for each, as `-p` has it.
const portsFact = "ports"

// WritePorts leaves the fact. It need not outlive a power cut.
func WritePorts(dir string, ports []string) error {
	return (&storage.Dir{Path: dir}).WriteFact(portsFact, []byte(strings.Join(ports, "\n")+"\n"))
}

// ReadPorts reads the fact; most containers have none.
func ReadPorts(d *storage.Dir) (list []slirp.Port) {
	b, err := d.ReadFact(portsFact)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if ports, err := slirp.ParsePorts(strings.TrimSpace(line)); err == nil {
			list = append(list, ports...)
		}
	}
	return list
}
