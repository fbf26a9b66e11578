package userns

import (
	"context"
	"path/filepath"
)

// Where a grant comes from: [Grant.Source].
const (
	SourceRoot      = "root"        // this process may map every id it has
	SourceGetSubIDs = "getsubids"   // a directory service, through getsubids(1)
	SourceFiles     = "/etc/subuid" // the files /etc/subuid and /etc/subgid
	SourceSingle    = "single"      // nothing granted: the own id only
)

// Grant is who the user is and which ids the user may map into a base user
// namespace. It is plain data, computed once by [Lookup].
type Grant struct {
	// UID and GID are the effective ids of this process.
	UID, GID int
	// User is the name of UID, or its decimal form when it has no name.
	User string
	// UIDs and GIDs are the maps of the base namespace, from base ids to host
	// ids: 0 is the user, 1 and up are the granted ranges, lowest first. For
	// root they are the identity.
	UIDs, GIDs IDMap
	// Source is where the maps come from, one of the Source constants.
	Source string
	// Direct is set when this process may write the maps itself, without
	// newuidmap and newgidmap.
	Direct bool
	// Single is set when the base namespace has one id only. setgroups(2) is
	// denied in it then.
	Single bool
	// Note is a line to show the user when the grant is weaker than it could be,
	// with the command that mends it; "" otherwise.
	Note string

	etc string // stands for /etc in tests
}

// etcPath returns the path of a file below /etc.
func (g Grant) etcPath(name string) string {
	if g.etc == "" {
		return filepath.Join("/etc", name)
	}
	return filepath.Join(g.etc, name)
}

// Lookup finds what the calling user may map, the strongest first:
//
//  1. Root with the capabilities to write maps: every id of this namespace.
//  2. getsubids(1), when nsswitch.conf(5) names a directory service for subid.
//  3. The lines of subuid(5) and subgid(5) with the user's name or uid.
//  4. The user's own ids, with a Note that says what this costs.
//
// Environment variables such as USER are not consulted. The error is
// [ErrNotProcfs], an error of reading /proc, or that of ctx. It takes some
// 50 µs when the files answer; only a directory service costs a process.
func Lookup(ctx context.Context) (Grant, error) {
	s, err := thisSystem()
	if err != nil {
		return Grant{}, err
	}
	g := s.lookup(ctx)
	return g, ctx.Err()
}

func (s *system) lookup(ctx context.Context) Grant {
	if s.root() {
		return s.rootGrant()
	}
	u := s.whoAmI()
	g := Grant{UID: int(s.uid), GID: int(s.gid), Source: SourceFiles, etc: s.etc}
	uids, gids := s.granted(ctx, u, &g.Source)
	g.User = u.String()

	var lostUIDs, lostGIDs uint64
	g.UIDs, lostUIDs = baseMap(s.uid, uids, s.uids)
	g.GIDs, lostGIDs = baseMap(s.gid, gids, s.gids)
	switch {
	case len(g.UIDs) == 1 || len(g.GIDs) == 1:
		return s.single(g, u, lostUIDs+lostGIDs > 0)
	case lostUIDs+lostGIDs > 0:
		g.Note = lostNote(g, lostUIDs, lostGIDs)
	}
	return g
}

// granted returns the ranges of the user and corrects source.
func (s *system) granted(ctx context.Context, u *user, source *string) (uids, gids spans) {
	// A fork costs ten times the rest of the lookup, and without a service in
	// nsswitch.conf getsubids reads the same two files. With one, newuidmap asks
	// the service and not the files: what they say does not count.
	if directorySubIDs(s.file("nsswitch.conf")) {
		if _, err := s.find("getsubids"); err == nil {
			*source = SourceGetSubIDs
			return s.directoryIDs(ctx, u)
		}
		// A shadow suite without getsubids (before 4.9) has no services either.
	}
	subuid, subgid := s.file(subUIDFile), s.file(subGIDFile)
	uids, gids = subIDsOf(subuid, u.name, s.uid), subIDsOf(subgid, u.name, s.uid)
	if u.name == "" && (len(uids) == 0 || len(gids) == 0) {
		// The user comes from a directory, the ranges may stand here by name.
		if s.askName(ctx, u); u.name != "" {
			uids, gids = subIDsOf(subuid, u.name, s.uid), subIDsOf(subgid, u.name, s.uid)
		}
	}
	return uids, gids
}
