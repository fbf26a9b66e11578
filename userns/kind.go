package userns

// kind is what differs between uids and gids.
type kind struct {
	name    string // uid or gid, in messages and flags
	mapFile string // the map in /proc/PID
	helper  string // the setuid program that writes it
	capName string // the capability that the program brings
	cap     uint   // its number
	subFile string // the file of ranges, below /etc
}

// kinds are both, uids first.
var kinds = [2]kind{
	{"uid", "uid_map", "newuidmap", "cap_setuid", capSetUID, subUIDFile},
	{"gid", "gid_map", "newgidmap", "cap_setgid", capSetGID, subGIDFile},
}

// of returns the base map of this kind.
func (k kind) of(g Grant) IDMap {
	if k.mapFile == "uid_map" {
		return g.UIDs
	}
	return g.GIDs
}

// source names what grants ids of this kind, for messages.
func (k kind) source(g Grant) string {
	switch g.Source {
	case SourceGetSubIDs:
		return "getsubids"
	case SourceRoot:
		return "this user namespace"
	}
	return "/etc/" + k.subFile
}
