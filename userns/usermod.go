package userns

import (
	"fmt"
	"strings"
)

const (
	// defaultRange is how many ids useradd(8) grants (SUB_UID_COUNT in
	// login.defs(5)): enough for images that use 65534, nobody.
	defaultRange = 65536
	// firstRange is where useradd starts (SUB_UID_MIN).
	firstRange = 100000
)

// addRange returns the command that grants a user size more ids, from a range
// that nobody has yet. usermod(8) edits local users only; the lines of others
// have to be added by hand.
func addRange(g Grant, local, uids, gids bool, size uint64) string {
	first, ok := freeRange(size,
		g.outsiders(subUIDFile), g.outsiders(subGIDFile), g.accounts("passwd"), g.accounts("group"),
		spans{{uint64(g.UID), uint64(g.UID) + 1}})
	if !ok {
		return fmt.Sprintf("no %d ids are free in a row, shorten some line of %s", size, emptyFiles(uids, gids))
	}
	last := first + size - 1
	if !local {
		files := strings.ReplaceAll(emptyFiles(uids, gids), " and ", " ")
		return fmt.Sprintf("echo '%s:%d:%d' | sudo tee -a %s", g.User, first, size, files)
	}
	var b strings.Builder
	b.WriteString("sudo usermod")
	if uids {
		fmt.Fprintf(&b, " --add-subuids %d-%d", first, last)
	}
	if gids {
		fmt.Fprintf(&b, " --add-subgids %d-%d", first, last)
	}
	return b.String() + " " + shellWord(g.User)
}

// freeRange finds size ids in a row that are in none of the sets.
func freeRange(size uint64, used ...spans) (first uint64, ok bool) {
	var all []span
	for _, u := range used {
		all = append(all, u...)
	}
	free, ok := (spans{{firstRange, maxID}}).minus(spansOf(all...)).slice(size)
	if !ok || len(free) != 1 {
		return 0, false
	}
	return free[0].start, true
}

// outsiders returns the ranges of everybody in subuid or subgid.
func (g Grant) outsiders(name string) spans {
	text, _ := readFile(g.etcPath(name)) // unreadable is as good as empty for a proposal
	var list []span
	subIDs(text, func(_ []byte, s span) { list = append(list, s) })
	return spansOf(list...)
}

// accounts returns the ids that passwd or group name: a range over a person's
// own id would hand that person's files to somebody else's containers.
func (g Grant) accounts(name string) spans {
	text, _ := readFile(g.etcPath(name))
	var list []span
	accounts(text, func(a account) bool {
		list = append(list, span{uint64(a.id), uint64(a.id) + 1})
		return true
	})
	return spansOf(list...)
}

// shellWord quotes what a shell would not take as it is.
func shellWord(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("._-@", r))
	}) < 0
	if plain && s != "" {
		return s
	}
	return "'" + s + "'"
}
