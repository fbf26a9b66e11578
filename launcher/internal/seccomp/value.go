package seccomp

import (
	"cmp"
	"slices"
)

// border is where the range of values that meet a rule begins, or ends.
type border struct {
	at   uint32
	rule int
	ends bool
}

// byValue compiles rules that all look at one narrow argument, and at nothing else, into a tree
// over that argument's values: one load for all of them. The socket, ioctl and personality rules of
// the default profile are of this kind. ok is false when the rules are not.
func (a *assembler) byValue(list []alternative, otherwise uint32) (to dest, ok bool) {
	borders := a.borders[:0]
	first := list[0].conditions[0]
	var buffer [3]segment
	for i, alt := range list {
		c := alt.conditions[0]
		parts, ok := c.segments(buffer[:0], 1, 0)
		if !ok || len(alt.conditions) != 1 || c.index != first.index || c.mask != first.mask {
			return 0, false
		}
		for j, s := range parts {
			if j > 0 || s.to == 1 {
				borders = append(borders, border{s.first, i, s.to == 0})
			}
		}
	}
	slices.SortStableFunc(borders, func(x, y border) int { return cmp.Compare(x.at, y.at) })

	// Walk the borders upwards, keeping the rules that hold; the first of them decides.
	tree := push(a.tests[:0], 0, ret(otherwise))
	holds := make([]bool, len(list))
	for i, b := range borders {
		holds[b.rule] = !b.ends
		if i+1 < len(borders) && borders[i+1].at == b.at {
			continue
		}
		word := otherwise
		if r := slices.Index(holds, true); r >= 0 {
			word = list[r].word
		}
		tree = push(tree, b.at, ret(word))
	}
	a.borders, a.tests = borders, tree // they may have grown
	return a.load(uint32(offArgs+8*first.index), uint32(first.mask), a.tree(tree, uint32(first.mask))), true
}
