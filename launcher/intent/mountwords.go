package intent

import "strings"

// wordGroup is a set of mount options of which one may be given.
type wordGroup uint8

const (
	wAccess wordGroup = iota // ro rw
	wExec
	wSUID
	wDev
	wPropagation
	wRecursion // bind rbind
	wRecursiveRO
	wLabel // z Z
	wOverlay
	wChown
	wCopy
	wConsistency // macOS, no meaning here
	wCopyUp      // tmpcopyup notmpcopyup
	wGroups
)

// mountWords are the options docker and podman take behind -v, --tmpfs and in --mount, by group.
var mountWords = [...]struct {
	group wordGroup
	words string // each between blanks
}{
	{wAccess, " ro rw "},
	{wExec, " exec noexec "},
	{wSUID, " suid nosuid "},
	{wDev, " dev nodev "},
	{wPropagation, " private rprivate shared rshared slave rslave unbindable runbindable "},
	{wRecursion, " bind rbind "},
	{wRecursiveRO, " =rro =wro "}, // bind-recursive=readonly and =writable; nobody can type them as a word
	{wLabel, " z Z "},
	{wOverlay, " O "},
	{wChown, " U "},
	{wCopy, " copy nocopy "},
	{wConsistency, " cached delegated consistent default "},
	{wCopyUp, " tmpcopyup notmpcopyup "},
}

// words are the options that were given, one of each group, "" for none.
type words [wGroups]string

// add takes one word; flag and value are for the message.
func (w *words) add(flag, value, word string) error {
	for _, g := range mountWords {
		if word == "" || strings.ContainsRune(word, ' ') || !strings.Contains(g.words, " "+word+" ") {
			continue
		}
		if old := w[g.group]; old != "" {
			return fail(ErrConflict, "%s %s: only one of %s can be given", flag, value,
				strings.Join(strings.Fields(g.words), ", "))
		}
		w[g.group] = word
		return nil
	}
	return invalid(flag, value, "the option \""+word+"\" is not known")
}

// only refuses words outside the given groups.
func (w *words) only(flag, value string, groups ...wordGroup) error {
next:
	for i, word := range w {
		if word == "" {
			continue
		}
		for _, g := range groups {
			if wordGroup(i) == g {
				continue next
			}
		}
		return invalid(flag, value, "the option \""+word+"\" has no meaning for this kind of mount")
	}
	return nil
}
