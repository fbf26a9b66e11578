package seccomp

import (
	"fmt"
	"math/bits"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// condition is one comparison of one argument.
type condition struct {
	index uint
	op    specs.LinuxSeccompOperator
	mask  uint64 // bits of the argument the kernel reads
	value uint64
	bits  uint64 // MASKED_EQ: bits of the argument to compare
}

// newCondition reads a condition of a profile for a call.
func newCondition(call string, a specs.LinuxSeccompArg) condition {
	c := condition{index: a.Index, op: a.Op, mask: argMask(call, a.Index), value: a.Value}
	if a.Op == specs.OpMaskedEqual {
		c.bits, c.value = a.Value, a.ValueTwo
	}
	if c.mask == 0xffffffff {
		// A profile may write a negative int as a 64-bit number. No other number with high bits
		// is touched: it is larger than any int and compares so.
		if int64(c.value) < 0 && int64(c.value) == int64(int32(c.value)) {
			c.value = uint64(uint32(c.value))
		}
	}
	if a.Op == specs.OpMaskedEqual {
		c.bits &= c.mask
	}
	return c
}

// checkArg tells what is wrong with a condition of a profile.
func checkArg(a specs.LinuxSeccompArg) error {
	if a.Index > 5 {
		return fmt.Errorf("%w: argument index %d: calls have arguments 0 to 5", ErrProfile, a.Index)
	}
	switch a.Op {
	case specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
		specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual:
		return nil
	}
	return fmt.Errorf("%w: unknown operator %q\n  fix: use one of SCMP_CMP_EQ, _NE, _LT, _LE, _GT, "+
		"_GE, _MASKED_EQ", ErrProfile, a.Op)
}

// span returns the values of a narrow argument that meet the condition: from first to last, or,
// with out set, all others. ok is false when they are no such range; none is a range with
// first > last.
func (c condition) span() (first, last uint64, out, ok bool) {
	if c.mask > 0xffffffff {
		return 0, 0, false, false
	}
	v := c.value
	switch c.op {
	case specs.OpEqualTo:
		return v, v, false, true
	case specs.OpNotEqual:
		return v, v, true, true
	case specs.OpLessThan:
		return v, ^uint64(0), true, true
	case specs.OpGreaterEqual:
		return v, ^uint64(0), false, true
	case specs.OpLessEqual:
		return 0, v, false, true
	case specs.OpGreaterThan:
		return 0, v, true, true
	}
	if v&^c.bits != 0 {
		return 1, 0, false, true // asks for a bit that it does not look at
	}
	// Only a mask of leading ones makes a range: the bits it leaves out are the range's width.
	rest := c.mask &^ c.bits
	if rest != 1<<bits.Len64(rest)-1 {
		return 0, 0, false, false
	}
	return v, v | rest, false, true
}

// segments appends to list, which is empty, the ranges of the argument that go to t or to f.
func (c condition) segments(list []segment, t, f dest) ([]segment, bool) {
	first, last, out, ok := c.span()
	if !ok {
		return nil, false
	}
	if out {
		t, f = f, t
	}
	list = push(list, 0, f)
	if first <= last && first <= c.mask {
		list = push(list, uint32(first), t)
		if last < c.mask {
			list = push(list, uint32(last)+1, f)
		}
	}
	return list, true
}

// test compiles the condition: to t when it is met, else to f.
func (a *assembler) test(c condition, t, f dest) dest {
	low := uint32(offArgs + 8*c.index)
	if list, ok := c.segments(make([]segment, 0, 3), t, f); ok {
		return a.load(low, uint32(c.mask), a.tree(list, uint32(c.mask)))
	}
	// What follows compares two halves. Of a narrow argument the high half is 0 in every value and
	// mask, and is not looked at.
	high, value := low+4, c.value
	switch c.op {
	case specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual:
		t, f = f, t
	}
	switch c.op {
	case specs.OpMaskedEqual:
		if value&^c.bits != 0 {
			return f
		}
		next := t
		if m := uint32(c.bits); m != 0 {
			next = a.load(low, m, a.branch(opEQ, uint32(value), next, f))
		}
		if m := uint32(c.bits >> 32); m != 0 {
			next = a.load(high, m, a.branch(opEQ, uint32(value>>32), next, f))
		}
		return next
	case specs.OpEqualTo, specs.OpNotEqual:
		next := a.load(low, ^uint32(0), a.branch(opEQ, uint32(value), t, f))
		return a.load(high, ^uint32(0), a.branch(opEQ, uint32(value>>32), next, f))
	}
	op := uint16(opGT)
	if c.op == specs.OpGreaterEqual || c.op == specs.OpLessThan {
		op = opGE
	}
	next := a.load(low, ^uint32(0), a.branch(op, uint32(value), t, f))
	next = a.branch(opEQ, uint32(value>>32), next, f)
	return a.load(high, ^uint32(0), a.branch(opGT, uint32(value>>32), t, next))
}
