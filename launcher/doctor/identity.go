package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"coracle/userns"
)

// plenty is the number of ids that the images in use need: 65534 is nobody.
const plenty = 65536

func user(_ context.Context, e *exam) finding {
	g := e.grant
	switch {
	case e.grantErr != nil:
		return lacks(fmt.Sprintf("uid %d: %s", e.UID, line(e.grantErr.Error())), "")
	case e.UID != 0 && g.User == strconv.Itoa(e.UID):
		return lacks(fmt.Sprintf("uid %d has no name in the user database", e.UID),
			fmt.Sprintf("echo %s | sudo tee -a /etc/passwd", quote(fmt.Sprintf("me:x:%d:%d::%s:/bin/sh", e.UID, e.GID, e.home()))))
	}
	return works(fmt.Sprintf("%s (uid %d, gid %d)", g.User, e.UID, e.GID))
}

func (e *exam) home() string {
	if home := e.Getenv("HOME"); home != "" {
		return home
	}
	return "/"
}

func subIDs(_ context.Context, e *exam) finding {
	g := e.grant
	if e.grantErr != nil {
		return lacks(line(e.grantErr.Error()), "")
	}
	if g.Single {
		return e.note()
	}
	uids, gids := span(g.UIDs), span(g.GIDs)
	detail := fmt.Sprintf("%d uids and %d gids from %s", uids, gids, g.Source)
	switch {
	case g.Note != "":
		return weak(detail+"; "+g.Note, "")
	case g.Source != userns.SourceRoot && (uids < plenty || gids < plenty):
		// Root in a container has what its starter gave; this advice is not for it.
		return weak(detail+fmt.Sprintf("; images may use ids up to %d", plenty-1), e.grantSubIDs())
	}
	return works(detail)
}

// note takes apart what userns says of a grant of one id: its cost, then
// "; cause: " and "; fix: ".
func (e *exam) note() finding {
	_, cause, ok := strings.Cut(e.grant.Note, "; cause: ")
	if !ok {
		return lacks("one id can be mapped", e.grantSubIDs())
	}
	cause, fix, _ := strings.Cut(cause, "; fix: ")
	return lacks(cause, fix)
}

func span(m userns.IDMap) uint64 {
	var n uint64
	for _, x := range m {
		n += uint64(x.Size)
	}
	return n
}

// grantSubIDs is the command that gives the user a range above all that
// /etc/subuid and /etc/subgid name, so that no two users share ids.
func (e *exam) grantSubIDs() string {
	first := uint64(100000)
	for _, path := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := e.ReadFile(path)
		if err == nil {
			first = max(first, lastSubID(string(text)))
		}
	}
	r := fmt.Sprintf("%d-%d", first, first+plenty-1)
	return fmt.Sprintf("sudo usermod --add-subuids %s --add-subgids %s %s", r, r, quote(e.name()))
}

// lastSubID returns the first id above every range of a subuid(5) file, 0 for
// none. Lines it cannot read count for nothing.
func lastSubID(text string) uint64 {
	var last uint64
	for l := range strings.Lines(text) {
		var start, count uint32
		f := strings.Split(strings.TrimSpace(l), ":")
		if len(f) != 3 {
			continue
		}
		if _, err := fmt.Sscanf(f[1]+" "+f[2], "%d %d", &start, &count); err == nil {
			last = max(last, uint64(start)+uint64(count))
		}
	}
	return last
}

func idMaps(ctx context.Context, e *exam) finding {
	if e.grantErr != nil {
		return lacks(line(e.grantErr.Error()), "")
	}
	if e.bare.err != nil {
		return blocked(e.bare)
	}
	if err := e.Maps(ctx, e.grant); err != nil {
		what, fix, _ := strings.Cut(err.Error(), "\n")
		return lacks(what, strings.TrimPrefix(strings.TrimSpace(fix), "fix: "))
	}
	if e.grant.Single {
		return weak("one id can be mapped", e.note().fix)
	}
	return works(fmt.Sprintf("%d uids and %d gids can be mapped", span(e.grant.UIDs), span(e.grant.GIDs)))
}

// line is the first line of a message.
func line(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}
