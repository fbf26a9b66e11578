package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// naive evaluates a profile rule by rule, as the package comment words it, without any of the
// compiler's machinery. It shares the tables of names, argument widths and actions.
func naive(p *specs.LinuxSeccomp, m *machine, d data) uint32 {
	if d.arch != m.audit {
		return unix.SECCOMP_RET_KILL_PROCESS
	}
	if m.x32 && d.number >= 0x40000000 {
		return unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	}
	number := func(name string) int64 {
		for _, c := range calls {
			if c.name == name {
				return int64(c.number[m.column])
			}
		}
		return -1
	}
	otherwise, _ := encode(p.DefaultAction, p.DefaultErrnoRet)
	best, found, last := uint32(0), false, int64(-1)
	for _, s := range p.Syscalls {
		word, _ := encode(s.Action, s.ErrnoRet)
		for _, name := range s.Names {
			n := number(name)
			last = max(last, n)
			if n != int64(d.number) || !naiveMatch(name, s.Args, d.args) {
				continue
			}
			if !found || int32(word&0xffff0000) < int32(best&0xffff0000) {
				best, found = word, true
			}
		}
	}
	switch {
	case found:
		return best
	case int64(d.number) > last && last >= 0 && otherwise>>16 != 0x7ff0 && otherwise>>16 != 0x7ffc &&
		otherwise>>16 != 0x7fff:
		return unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	}
	return otherwise
}

// naiveMatch tells whether the conditions of a rule hold: all of them, or any where two are on one
// argument.
func naiveMatch(name string, conditions []specs.LinuxSeccompArg, args [6]uint64) bool {
	all, any, seen, twice := true, false, map[uint]bool{}, false
	for _, c := range conditions {
		mask := argMask(name, c.Index)
		x, v, two := args[c.Index]&mask, c.Value, c.ValueTwo
		if mask == 0xffffffff { // a negative int
			if v>>31 == 0x1ffffffff && c.Op != specs.OpMaskedEqual {
				v &= mask
			}
			if two>>31 == 0x1ffffffff {
				two &= mask
			}
		}
		holds := map[specs.LinuxSeccompOperator]bool{
			specs.OpEqualTo: x == v, specs.OpNotEqual: x != v,
			specs.OpLessThan: x < v, specs.OpLessEqual: x <= v,
			specs.OpGreaterThan: x > v, specs.OpGreaterEqual: x >= v,
			specs.OpMaskedEqual: x&v == two,
		}[c.Op]
		all, any = all && holds, any || holds
		twice = twice || seen[c.Index]
		seen[c.Index] = true
	}
	if twice {
		return any
	}
	return all
}
