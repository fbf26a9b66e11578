package seccomp

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// retForeign is what a call from another architecture gets; see the package comment.
const retForeign = unix.SECCOMP_RET_KILL_PROCESS

// Bounds on what a profile can make the compiler do, far above what real profiles have.
const (
	maxRules = 1024    // of one call
	maxLinks = 1 << 17 // of all calls together
)

// Compile turns a profile into a filter for an architecture ("amd64", "arm64"); the package comment
// says what it does. Names no architecture has are skipped, as docker and runc do: profiles are
// written for many kernels. So are the profile's Architectures: the filter is for the one given,
// and all others are refused.
//
// Errors are of class ErrProfile, ErrUnsupported or ErrTooLong.
func Compile(p *specs.LinuxSeccomp, arch string) ([]unix.SockFilter, error) {
	m, err := machineOf(arch)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("%w: no profile", ErrProfile)
	}
	if f := prebuilt(p, arch); f != nil {
		return f, nil
	}
	return compile(p, m)
}

// compile is Compile without the prebuilt filters.
func compile(p *specs.LinuxSeccomp, m *machine) ([]unix.SockFilter, error) {
	c := compiler{machine: m}
	c.asm.init()
	if err := c.collect(p); err != nil {
		return nil, err
	}
	a := &c.asm

	fallback := ret(c.otherwise)
	list := make([]segment, 0, 96)
	for number := range c.calls[:c.last+1] {
		to, err := c.verdict(uint32(number))
		if err != nil {
			return nil, err
		}
		if err := c.fits(); err != nil {
			return nil, err
		}
		list = push(list, uint32(number), to)
	}
	if c.last >= 0 && !lenient(c.otherwise) {
		fallback = ret(retNOSYS)
	}
	list = push(list, uint32(c.last+1), fallback)
	if m.x32 {
		list = push(list, x32Bit, ret(retNOSYS))
	}

	start := a.load(offNumber, ^uint32(0), a.tree(list, ^uint32(0)))
	start = a.load(offArch, ^uint32(0), a.branch(opEQ, m.audit, start, ret(retForeign)))
	if start&isPlace == 0 {
		a.add(opRet, uint32(start), 0, 0) // one verdict for everything, foreign calls included
	}
	if err := c.fits(); err != nil {
		return nil, err
	}
	return a.program(), nil
}

// fits tells whether the kernel takes a filter of what is written up to now.
func (c *compiler) fits() error {
	if len(c.asm.code) <= unix.BPF_MAXINSNS {
		return nil
	}
	return fmt.Errorf("%w: more than the %d instructions the kernel takes\n"+
		"  fix: use fewer rules with arguments", ErrTooLong, unix.BPF_MAXINSNS)
}

// rule is one rule of a profile for all its calls: conditions that must all hold, and a word.
type rule struct {
	args []specs.LinuxSeccompArg
	word uint32
}

// link is a rule in the list of the rules of one call.
type link struct{ rule, next int32 }

// alternative is a rule with its conditions read for one call.
type alternative struct {
	conditions []condition
	word       uint32
}

// leaf is the code for the argument rules of one or more calls.
type leaf struct {
	rules     []alternative
	otherwise uint32
	to        dest
}

// compiler gathers a profile by call number, then writes the filter.
type compiler struct {
	machine      *machine
	otherwise    uint32 // the default action
	rules        []rule
	conditions   []condition   // memory for those of all alternatives
	links        []link        // links[0] is no link
	last         int           // largest number with a rule, -1 for none
	alternatives []alternative // memory for those of all leaves
	leaves       []leaf
	asm          assembler

	// calls has for each number its place in the table and its first rule, both 0 for none.
	calls [lastNumber + 1]struct{ name, first int32 }
}

// collect reads the profile's rules into lists by call number, in the profile's order.
func (c *compiler) collect(p *specs.LinuxSeccomp) error {
	var err error
	if c.otherwise, err = encode(p.DefaultAction, p.DefaultErrnoRet); err != nil {
		return fmt.Errorf("default action: %w", err)
	}
	names := 1
	for i := range p.Syscalls {
		names += len(p.Syscalls[i].Names)
	}
	c.rules = make([]rule, 0, len(p.Syscalls))
	c.links = make([]link, 1, names)
	c.conditions = make([]condition, 0, len(p.Syscalls))
	c.alternatives = make([]alternative, 0, len(p.Syscalls))
	c.leaves = make([]leaf, 0, 8)
	c.last = -1

	// From the last rule to the first, since a list grows at its head.
	for i := len(p.Syscalls) - 1; i >= 0; i-- {
		s := &p.Syscalls[i]
		word, err := encode(s.Action, s.ErrnoRet)
		if err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
		for _, a := range s.Args {
			if err := checkArg(a); err != nil {
				return fmt.Errorf("rule %d: %w", i+1, err)
			}
		}
		if !repeated(s.Args) {
			c.attach(s.Names, rule{s.Args, word})
			continue
		}
		for j := len(s.Args) - 1; j >= 0; j-- {
			c.attach(s.Names, rule{s.Args[j : j+1], word})
			if len(c.links) > maxLinks {
				return fmt.Errorf("%w: rule %d: too many conditions on one argument", ErrTooLong, i+1)
			}
		}
	}
	return nil
}

// repeated tells conditions of which two are on one argument.
func repeated(args []specs.LinuxSeccompArg) bool {
	var seen uint
	for _, a := range args {
		if seen&(1<<a.Index) != 0 {
			return true
		}
		seen |= 1 << a.Index
	}
	return false
}

// attach puts a rule at the head of the lists of the named calls.
func (c *compiler) attach(names []string, r rule) {
	c.rules = append(c.rules, r)
	place := -1
	for _, name := range names {
		found := find(name, place)
		if found < 0 {
			continue
		}
		place = found
		number := int(calls[place].number[c.machine.column])
		if number < 0 {
			continue
		}
		call := &c.calls[number]
		c.links = append(c.links, link{int32(len(c.rules) - 1), call.first})
		call.name, call.first = int32(place), int32(len(c.links)-1)
		c.last = max(c.last, number)
	}
}

// verdict returns where a call number leads: to an action, or to the code for its arguments.
func (c *compiler) verdict(number uint32) (dest, error) {
	call := c.calls[number]
	if call.first == 0 {
		return ret(c.otherwise), nil
	}
	// Nearly all calls have one rule and no conditions.
	first := c.links[call.first]
	if r := &c.rules[first.rule]; first.next == 0 && len(r.args) == 0 {
		return ret(r.word), nil
	}

	name := calls[call.name].name
	start := len(c.alternatives)
	for i := call.first; i != 0; i = c.links[i].next {
		r := &c.rules[c.links[i].rule]
		n := len(c.conditions)
		for _, a := range r.args {
			c.conditions = append(c.conditions, newCondition(name, a))
		}
		alt := alternative{slices.Clip(c.conditions[n:]), r.word}
		if c.alternatives = append(c.alternatives, alt); len(c.alternatives)-start > maxRules {
			return 0, fmt.Errorf("%w: more than %d rules for %s", ErrTooLong, maxRules, name)
		}
	}
	list := slices.Clip(c.alternatives[start:])
	slices.SortStableFunc(list, func(x, y alternative) int {
		return int(int64(severity(x.word)) - int64(severity(y.word)))
	})
	// What comes after a rule without conditions is never asked.
	otherwise := c.otherwise
	for i, alt := range list {
		if len(alt.conditions) == 0 {
			list, otherwise = list[:i], alt.word
			break
		}
	}
	if len(list) == 0 {
		return ret(otherwise), nil
	}
	return c.leaf(list, otherwise), nil
}

// leaf returns the code for argument rules, the same code for calls with the same rules.
func (c *compiler) leaf(list []alternative, otherwise uint32) dest {
	for _, l := range c.leaves {
		if l.otherwise == otherwise && slices.EqualFunc(l.rules, list, sameAlternative) {
			return l.to
		}
	}
	to, ok := c.asm.byValue(list, otherwise)
	if !ok {
		to = ret(otherwise)
		for _, alt := range slices.Backward(list) {
			next := ret(alt.word)
			for _, cond := range slices.Backward(alt.conditions) {
				next = c.asm.test(cond, next, to)
			}
			to = next
		}
	}
	c.leaves = append(c.leaves, leaf{list, otherwise, to})
	return to
}

func sameAlternative(a, b alternative) bool {
	return a.word == b.word && slices.Equal(a.conditions, b.conditions)
}
