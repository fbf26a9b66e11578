package launcher

import (
	"encoding/json"

	"coracle/slirp/networks"
)

// putBridge appends the default network where it is the host's; else a byte.
func putBridge(b []byte, n *networks.Network) []byte {
	if n == nil {
		return putString(b, "")
	}
	text, _ := json.Marshal(n) // plain values
	return putString(b, string(text))
}

func (d *reader) bridge() *networks.Network {
	text := d.str()
	if text == "" {
		return nil
	}
	n := new(networks.Network)
	if json.Unmarshal([]byte(text), n) != nil || len(n.Subnets) == 0 {
		d.bad = true
		return nil
	}
	return n
}
