package containers

import "coracle/storage/volume"

// Images are the ids of the images whose layers the container stands on: its own,
// and those that it has mounted (--mount type=image). None may be removed.
func (c *Container) Images() (ids []string) {
	if c.Intent.ImageID != "" {
		ids = append(ids, c.Intent.ImageID)
	}
	claim, err := volume.ReadClaim(c.Dir)
	if err != nil {
		return ids // whoever removes volumes says it
	}
	for _, m := range claim.Mounts {
		if m.ImageID != "" {
			ids = append(ids, m.ImageID)
		}
	}
	return ids
}
