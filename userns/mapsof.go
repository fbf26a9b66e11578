package userns

import "strconv"

// MapsOf reads the id maps of process pid's user namespace as this process sees
// them: from its ids to ours.
func MapsOf(pid int) (uids, gids IDMap, err error) {
	proc, err := openProc()
	if err != nil {
		return nil, nil, err
	}
	defer proc.close()
	if uids, err = proc.idMap(strconv.Itoa(pid), "uid_map"); err != nil {
		return nil, nil, err
	}
	gids, err = proc.idMap(strconv.Itoa(pid), "gid_map")
	return uids, gids, err
}
