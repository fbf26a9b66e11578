package seccomp

import (
	"math"
	"slices"
)

// segment is a range of numbers with one destination: from first up to the next segment's first.
type segment struct {
	first uint32
	to    dest
}

// push adds a segment to an ascending list, or widens the last one when it goes to the same place.
func push(list []segment, first uint32, to dest) []segment {
	if n := len(list); n > 0 {
		if list[n-1].to == to {
			return list
		}
		if list[n-1].first == first {
			list[n-1].to = to
			return list
		}
	}
	return append(list, segment{first, to})
}

// maxChain is how many single values are tested one after the other at a leaf of a tree.
const maxChain = 4

// part is a leaf of a tree: consecutive segments that all go to one place, but for at most maxChain
// single values that do not.
type part struct {
	from, to int // segments [from, to)
	base     dest
}

// tree tests the accumulator against the borders of the segments, which start at 0 and end at last.
// It halves the list at each step. A filter attaches in time proportional to its length: the kernel
// checks and translates every instruction, and runs it once for every call number, to skip it from
// then on for the calls it always allows (Linux 5.11). So what counts is few instructions, not few
// steps, and where single values interrupt a run a comparison for each is better than a border on
// both of its sides: 67 instructions instead of 96 for the default profile, 31 µs instead of 37.
func (a *assembler) tree(list []segment, last uint32) dest {
	return a.split(list, a.cut(list, last))
}

// split writes the tree over parts.
func (a *assembler) split(list []segment, leaves []part) dest {
	if len(leaves) == 1 {
		p := leaves[0]
		next := p.base
		for i := p.to - 1; i >= p.from; i-- {
			if list[i].to != p.base {
				next = a.branch(opEQ, list[i].first, list[i].to, next)
			}
		}
		return next
	}
	mid := len(leaves) / 2
	high := a.split(list, leaves[mid:])
	low := a.split(list, leaves[:mid])
	return a.branch(opGE, list[leaves[mid].from].first, high, low)
}

// cut is the cheapest way to cut all segments before a place into parts, by its last part.
type cut struct {
	cost int
	part part
}

// cut cuts segments so that the tree over the parts is shortest: a part costs an instruction for
// each of its single values, and one for the border to the next part.
func (a *assembler) cut(list []segment, last uint32) []part {
	a.cuts = append(a.cuts[:0], cut{})
	for range list {
		a.cuts = append(a.cuts, cut{cost: math.MaxInt})
	}
	for i := range list {
		a.grow(list, i, list[i].to, last)
		if i+1 < len(list) {
			a.grow(list, i, list[i+1].to, last)
		}
	}
	a.parts = a.parts[:0]
	for i := len(list); i > 0; i = a.cuts[i].part.from {
		a.parts = append(a.parts, a.cuts[i].part)
	}
	slices.Reverse(a.parts)
	return a.parts
}

// grow tries every part that begins at a segment and has a base.
func (a *assembler) grow(list []segment, from int, base dest, last uint32) {
	cost := a.cuts[from].cost + 1
	for i := from; i < len(list); i++ {
		if list[i].to != base {
			end := last
			if i+1 < len(list) {
				end = list[i+1].first - 1
			}
			cost++
			if end != list[i].first || cost > a.cuts[from].cost+1+maxChain {
				return
			}
		}
		if cost < a.cuts[i+1].cost {
			a.cuts[i+1] = cut{cost, part{from, i + 1, base}}
		}
	}
}
