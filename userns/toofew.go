package userns

import "fmt"

// tooFew is the error of a map that needs more ids than there are: it names
// the file, the user, how many there are and are needed, and the command that
// adds them.
func (g Grant) tooFew(k kind, need uint64, why string) error {
	have := g.size(k)
	var missing uint64
	if need > have {
		missing = need - have
	}
	return fmt.Errorf("%w: %s gives %q %d with its own, %d %ss are needed: %s\n  fix: %s",
		ErrTooFew, k.source(g), g.User, have, need, k.name, why, g.moreIDs(k, missing))
}

// moreIDs is the command that gives the user at least n more ids, in whole
// default ranges.
func (g Grant) moreIDs(k kind, n uint64) string {
	switch g.Source {
	case SourceRoot:
		if g.size(k) == maxID {
			return fmt.Sprintf("give %q a range in /etc/%s, as root: echo %s:%d:%d >> /etc/%s", autoUser, k.subFile, autoUser, uint64(firstAuto), uint64(maxID-firstAuto), k.subFile)
		}
		return "start the outer container with more ids"
	case SourceGetSubIDs:
		return fmt.Sprintf("have a larger range entered in the directory that \"subid:\" in /etc/nsswitch.conf names: getsubids %s", shellWord(g.User))
	}
	n = max(1, (n+defaultRange-1)/defaultRange) * defaultRange
	passwd, _ := readFile(g.etcPath("passwd")) // without it the user is taken for a directory's
	_, local := userID(passwd, g.User)
	return addRange(g, local, k.mapFile == "uid_map", k.mapFile == "gid_map", n)
}
