package userns

import (
	"fmt"
	"strings"
)

// singleCost is what one id means to the user.
const singleCost = "only one id can be mapped: every owner in the image becomes root, programs that change user fail"

// AsSingle returns the grant reduced to the user's own ids, which needs no
// helper and no configuration: [Grant.WriteMaps] denies setgroups(2) and maps
// base id 0 alone.
func (g Grant) AsSingle() Grant {
	g.UIDs = IDMap{{Inside: 0, Outside: uint32(g.UID), Size: 1}}
	g.GIDs = IDMap{{Inside: 0, Outside: uint32(g.GID), Size: 1}}
	g.Single = true
	if !g.Direct {
		g.Source = SourceSingle
	}
	g.Note = ""
	return g
}

// single reduces a grant that lacks uids or gids, and says why.
func (s *system) single(g Grant, u *user, lost bool) Grant {
	noUIDs, noGIDs := len(g.UIDs) == 1, len(g.GIDs) == 1
	source := g.Source
	g = g.AsSingle()
	if err := s.fileError(); err != nil {
		g.Note = fmt.Sprintf("%s; cause: %s", singleCost, strings.ReplaceAll(err.Error(), "\n", "; "))
		return g
	}
	switch {
	case s.uid == 0:
		g.Note = fmt.Sprintf("%s; cause: this root lacks %s; fix: start the outer container with --cap-add SETUID,SETGID,SETFCAP",
			singleCost, missingCaps(s.caps))
	case lost:
		g.Note = fmt.Sprintf("%s; cause: the ranges of %q lie outside of this user namespace, which has %d uids and %d gids; fix: start the outer container with more ids or name fewer in %s",
			singleCost, g.User, s.uids.Size(), s.gids.Size(), emptyFiles(noUIDs, noGIDs))
	case source == SourceGetSubIDs:
		g.Note = fmt.Sprintf("%s; cause: getsubids knows no ranges of %q and nsswitch.conf has it asked; fix: add them to the directory, or \"subid: files\" to /etc/nsswitch.conf",
			singleCost, g.User)
	default:
		g.Note = fmt.Sprintf("%s; cause: no range for %q in %s; fix: %s",
			singleCost, g.User, emptyFiles(noUIDs, noGIDs), addRange(g, u.local, noUIDs, noGIDs, defaultRange))
	}
	return g
}

// lostNote is the note of a grant that keeps only a part of its ranges.
func lostNote(g Grant, uids, gids uint64) string {
	return fmt.Sprintf("%d uids and %d gids of %q cannot be mapped here and are left out: this user namespace, or the longest map the kernel takes, has no room for them",
		uids, gids, g.User)
}

func emptyFiles(uids, gids bool) string {
	switch {
	case uids && gids:
		return "/etc/subuid and /etc/subgid"
	case uids:
		return "/etc/subuid"
	}
	return "/etc/subgid"
}

// missingCaps names the capabilities of mapCaps that caps lacks.
func missingCaps(caps uint64) string {
	var missing []string
	for _, c := range [...]struct {
		bit  uint
		name string
	}{
		{capSetUID, "CAP_SETUID"},
		{capSetGID, "CAP_SETGID"},
		{capSetFCap, "CAP_SETFCAP"},
	} {
		if caps&(1<<c.bit) == 0 {
			missing = append(missing, c.name)
		}
	}
	if missing == nil {
		return "id 0 in its own maps"
	}
	return strings.Join(missing, ", ")
}
