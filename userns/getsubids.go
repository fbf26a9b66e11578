package userns

import (
	"bytes"
	"context"
	"strconv"
)

// getSubIDs asks getsubids(1) for the ranges of a user, uids and gids side by
// side. It speaks for every service that nsswitch.conf may name.
//
// Rootlesskit has the same in pkg/parent/dynidtools. It is not used: it links
// logrus into a program whose start is counted in microseconds, forks four
// times, and gives up at the first line it cannot read.
func getSubIDs(ctx context.Context, run runner, user string) (uids, gids spans) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if out, err := run(ctx, "getsubids", "-g", user); err == nil {
			gids = subIDList(out)
		}
	}()
	if out, err := run(ctx, "getsubids", user); err == nil {
		uids = subIDList(out)
	}
	<-done
	return uids, gids
}

// subIDList reads lines such as "0: ana 100000 65536".
func subIDList(text []byte) spans {
	var list []span
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) < 4 {
			continue
		}
		// From the right: a name of Active Directory may hold blanks.
		first, ok1 := parseID(f[len(f)-2])
		count, ok2 := parseID(f[len(f)-1])
		s := span{uint64(first), uint64(first) + uint64(count)}
		if ok1 && ok2 && count > 0 && s.end <= maxID {
			list = append(list, s)
		}
	}
	return spansOf(list...)
}

// directoryIDs returns the ranges that getsubids knows for a user, asking by
// name when there is one. Directory services know names and rarely numbers; a
// user without a name in /etc/passwd is asked for by number first because that
// costs no question for the name.
func (s *system) directoryIDs(ctx context.Context, u *user) (uids, gids spans) {
	if u.name != "" {
		return getSubIDs(ctx, s.run, u.name)
	}
	uids, gids = getSubIDs(ctx, s.run, strconv.FormatUint(uint64(s.uid), 10))
	if len(uids) > 0 && len(gids) > 0 {
		return uids, gids
	}
	if s.askName(ctx, u); u.name == "" {
		return uids, gids
	}
	return getSubIDs(ctx, s.run, u.name)
}
