package launcher

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/intent"
	"coracle/userns"
)

// mapIDs computes the container's id maps.
func (l *launch) mapIDs() error {
	o := l.options
	r := userns.Request{Mode: o.Userns, UIDMap: o.UIDMap, GIDMap: o.GIDMap, SubUIDName: o.SubUIDName, SubGIDName: o.SubGIDName}
	if l.image != nil && l.image.HasIDs {
		r.ImageMaxUID, r.ImageMaxGID = l.image.MaxUID, l.image.MaxGID
	}
	var err error
	if r.Taken, err = l.takenIDs(); err != nil {
		return err
	}
	l.maps, err = l.grant.Container(r)
	if err == nil && l.grant.Single && l.image != nil && l.maps.KeepID && !l.maps.Identity() {
		return fmt.Errorf("--userns %s needs more than the one id there is: the image's files belong to its root\n  %s", o.Userns, l.grant.Note)
	}
	return err
}

// intentMaps are the maps as the specification wants them.
func (l *launch) intentMaps() intent.Maps {
	m := intent.Maps{
		UIDs: ociMap(l.maps.UIDs), GIDs: ociMap(l.maps.GIDs),
		Host: l.maps.Host, Join: l.maps.Join, NoGroups: l.grant.Single,
	}
	if l.maps.KeepID {
		m.Keep = &intent.IDs{UID: l.maps.UID, GID: l.maps.GID}
	}
	if l.maps.Join != "" {
		m.UIDs, m.GIDs = ociMap(l.joinMaps.UIDs), ociMap(l.joinMaps.GIDs)
	}
	if l.maps.Host {
		m.UIDs, m.GIDs = ociMap(identity(l.grant.UIDs)), ociMap(identity(l.grant.GIDs))
	}
	return m
}

// identity is the map that shows every id of a base namespace as itself.
func identity(base userns.IDMap) userns.IDMap {
	m := make(userns.IDMap, len(base))
	for i, e := range base {
		m[i] = userns.Extent{Inside: e.Inside, Outside: e.Inside, Size: e.Size}
	}
	return m
}

func ociMap(m userns.IDMap) []specs.LinuxIDMapping {
	out := make([]specs.LinuxIDMapping, len(m))
	for i, e := range m {
		out[i] = specs.LinuxIDMapping{ContainerID: e.Inside, HostID: e.Outside, Size: e.Size}
	}
	return out
}
