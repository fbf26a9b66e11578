package usernet

import (
	"errors"

	"coracle/slirp/link"
)

// HostPort is the name, in a network's namespace, of the device that leads to the
// host, where a network has one.
const HostPort = "host0"

// Namespace is the network's, by a descriptor that stays the membership's.
func (j *Membership) Namespace() int { return j.ns }

// AttachHost puts the device that leads to the host into the bridge. To do it again
// changes nothing.
func (j *Membership) AttachHost() error {
	return link.In(j.ns, func(c *link.Conn) error {
		bridge, err := c.Index(bridgeName)
		if err != nil {
			return err
		}
		index, err := c.Index(HostPort)
		if err != nil {
			return err
		}
		return errors.Join(c.Mute(index), c.SetMaster(index, bridge), c.Up(index, 0))
	})
}
