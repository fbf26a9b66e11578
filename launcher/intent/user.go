package intent

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// dbLimit bounds /etc/passwd and /etc/group of an image. The largest in use are a tenth of it.
const dbLimit = 1 << 20

// userSpec is a parsed USER[:GROUP]; a name is "" when the id is numeric.
type userSpec struct {
	user, group       string
	uid, gid          uint32
	hasUser, hasGroup bool
}

// parseUser reads USER[:GROUP]. Whatever is all digits is an id and never a name, as in docker. A form that
// is neither an id nor a possible name is an error; crun once ran `-u +1` as root (CVE-2026-30892).
func parseUser(flag, s string) (u userSpec, err error) {
	if s == "" {
		return u, nil
	}
	name, grp, hasGroup := strings.Cut(s, ":")
	if u.user, u.uid, err = parseNameOrID(name); err != nil {
		return u, invalid(flag, s, "the user "+err.Error())
	}
	u.hasUser, u.hasGroup = true, hasGroup
	if hasGroup {
		if u.group, u.gid, err = parseNameOrID(grp); err != nil {
			return u, invalid(flag, s, "the group "+err.Error())
		}
	}
	return u, nil
}

func parseNameOrID(s string) (name string, id uint32, err error) {
	switch {
	case s == "":
		return "", 0, errors.New("is empty")
	case s[0] == '+' || s[0] == '-' || s[0] == '#':
		return "", 0, errors.New("starts with " + s[:1] + ", so it is neither an id nor a name")
	}
	id, err = parseID(s)
	switch {
	case err == nil:
		return "", id, nil
	case errors.Is(err, strconv.ErrRange):
		return "", 0, errors.New("id is larger than 4294967294")
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f || strings.IndexByte(":,/\\", s[i]) >= 0 {
			return "", 0, errors.New("is not an id and cannot be a name")
		}
	}
	if len(s) > 256 {
		return "", 0, errors.New("name is longer than 256 bytes")
	}
	return s, 0, nil
}

// readDB reads a user database of the image; a missing one is empty.
func (b *builder) readDB(name string) ([]byte, error) {
	if b.View == nil {
		return nil, nil
	}
	data, err := b.View.ReadFile(name, dbLimit)
	switch {
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return data, nil
	}
	return nil, fail(ErrInvalid, "cannot read /%s of the image to look up the user: %v", name, err).
		fix("an image with a regular /%s of at most 1 MiB", name)
}

// identity finds the user, its groups and its home directory in the image, by docker's rules.
func (b *builder) identity() error {
	u, err := b.askedUser()
	if err != nil {
		return err
	}
	passwd, err := b.readDB("etc/passwd")
	if err != nil {
		return err
	}
	groupDB, err := b.readDB("etc/group")
	if err != nil {
		return err
	}
	acct := account{uid: u.uid, gid: u.gid}
	found := false
	for a := range accounts(passwd) {
		if found = u.user != "" && a.name == u.user || u.user == "" && a.uid == u.uid; found {
			acct = a
			break
		}
	}
	if !found && u.user != "" {
		return fail(ErrNotFound, "unable to find user %s: no matching entries in passwd file", u.user).
			fix("-u with a number, or a name of the image's /etc/passwd")
	}
	gid := acct.gid
	if u.hasGroup {
		if gid, err = lookupGroup(groupDB, u.group, u.gid); err != nil {
			return err
		}
	}
	p := &b.spec.Process.User
	p.UID, p.GID = acct.uid, gid
	// A relative home from a hostile passwd would be read against the working directory.
	b.home = "/"
	if path.IsAbs(acct.home) && strings.IndexByte(acct.home, 0) < 0 {
		b.home = acct.home
	}
	if err := b.checkMapped("user", p.UID, "-u", false); err != nil {
		return err
	}
	if err := b.checkMapped("group", gid, "-u", true); err != nil {
		return err
	}
	return b.moreGroups(groupDB, acct.name, u.hasGroup)
}

// askedUser is the command line's user, else the image's, else the one keep-id keeps, else root.
func (b *builder) askedUser() (userSpec, error) {
	switch {
	case b.o.User != "":
		return parseUser("--user", b.o.User)
	case b.Image != nil && b.Image.User != "":
		return parseUser("USER of the image", b.Image.User)
	case b.Maps.Keep != nil:
		return userSpec{uid: b.Maps.Keep.UID, gid: b.Maps.Keep.GID, hasUser: true, hasGroup: true}, nil
	}
	return userSpec{}, nil
}

func lookupGroup(db []byte, name string, gid uint32) (uint32, error) {
	if name == "" {
		return gid, nil
	}
	for g := range groups(db) {
		if g.name == name {
			return g.gid, nil
		}
	}
	return 0, fail(ErrNotFound, "unable to find group %s: no matching entries in group file", name).
		fix("a number, or a name of the image's /etc/group")
}

// moreGroups sets the additional groups: those the image lists the user in, unless a group was given, and
// --group-add. One of the image's that is not mapped is left out with a warning, because the image cannot
// know; one that was asked for is an error.
func (b *builder) moreGroups(db []byte, name string, explicit bool) error {
	var out []uint32
	if !b.Maps.NoGroups {
		// The group itself is among them, or a set-gid program could rid the user of it and of what a file
		// denies to that group (CVE-2022-36109, CVE-2022-2989).
		out = append(out, b.spec.Process.User.GID)
	}
	var left string
	if !explicit && name != "" {
		for g := range groups(db) {
			if g.members == "" || !g.has(name) || slices.Contains(out, g.gid) {
				continue
			}
			if b.Maps.NoGroups || !mapped(b.Maps.GIDs, g.gid) {
				left += " " + g.name
				continue
			}
			out = append(out, g.gid)
		}
	}
	if left != "" && !b.Maps.NoGroups {
		b.warn("groups of the user that are not mapped are left out:" + left)
	}
	for _, s := range b.o.GroupAdd {
		if s == "keep-groups" {
			b.extra.KeepGroups = true
			return nil
		}
		gname, id, err := parseNameOrID(s)
		if err != nil {
			return invalid("--group-add", s, "the group "+err.Error())
		}
		gid, err := lookupGroup(db, gname, id)
		if err != nil {
			return err
		}
		if b.Maps.NoGroups {
			return fail(ErrUnsupported, "--group-add %s: with only one id mapped the kernel denies setgroups", s).
				fix(subidFix)
		}
		if err := b.checkMapped("group", gid, "--group-add", true); err != nil {
			return err
		}
		if !slices.Contains(out, gid) {
			out = append(out, gid)
		}
	}
	b.spec.Process.User.AdditionalGids = out
	return nil
}

const subidFix = "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \"$USER\""

func (b *builder) checkMapped(what string, id uint32, flag string, gid bool) error {
	m := b.Maps.UIDs
	if gid {
		m = b.Maps.GIDs
	}
	if mapped(m, id) {
		return nil
	}
	return fail(ErrUnsupported, "%s %d does not exist in the container: it has %ss %s", what, id, what, ranges(m)).
		fix("%s with an id of that range, or more ids: %s", flag, subidFix)
}
