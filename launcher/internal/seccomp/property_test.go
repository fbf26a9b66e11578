package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var operators = []specs.LinuxSeccompOperator{
	specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
	specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual,
}

// interesting are values at which comparisons of halves go wrong.
var interesting = []uint64{
	0, 1, 2, 38, 40, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	1 << 32, 1<<32 | 38, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff00000000,
	0xffffffff80000000, 0xfffffffffffffffe, 0xffffffffffffffff,
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func randomValue(r *rand.Rand) uint64 {
	v := pick(r, interesting)
	switch r.IntN(4) {
	case 0:
		v += uint64(r.IntN(5)) - 2
	case 1:
		v = r.Uint64() >> r.IntN(64)
	}
	return v
}

// randomProfile makes a profile of a few calls, so that rules meet, with a few extra.
func randomProfile(r *rand.Rand, rules int) *specs.LinuxSeccomp {
	action := func() (specs.LinuxSeccompAction, *uint) {
		a := pick(r, actions[:])
		if a.errno == 0 || r.IntN(3) == 0 {
			return a.name, nil
		}
		e := uint(r.IntN(200))
		return a.name, &e
	}
	p := &specs.LinuxSeccomp{}
	p.DefaultAction, p.DefaultErrnoRet = action()
	names := []string{"socket", "ioctl", "chmod", "clone", "mmap", "ptrace", "open", "openat", "nonsense"}
	for range r.IntN(30) {
		names = append(names, pick(r, calls[:]).name)
	}
	for range r.IntN(rules) {
		var s specs.LinuxSyscall
		s.Action, s.ErrnoRet = action()
		for range 1 + r.IntN(4) {
			s.Names = append(s.Names, pick(r, names))
		}
		for range max(0, r.IntN(5)-1) {
			a := arg(uint(r.IntN(3)), pick(r, operators), randomValue(r), randomValue(r))
			if a.Op == specs.OpMaskedEqual && r.IntN(4) != 0 {
				a.ValueTwo &= a.Value
			}
			s.Args = append(s.Args, a)
		}
		p.Syscalls = append(p.Syscalls, s)
	}
	return p
}

// randomCall makes a call the profile is likely to have a rule for, with arguments near its values.
func randomCall(r *rand.Rand, p *specs.LinuxSeccomp, m *machine) data {
	d := data{number: uint32(r.IntN(lastNumber + 10)), arch: m.audit}
	var values []uint64
	if len(p.Syscalls) > 0 {
		s := pick(r, p.Syscalls)
		if i := find(pick(r, s.Names), -1); i >= 0 && r.IntN(8) != 0 {
			d.number = uint32(int32(calls[i].number[m.column]))
		}
		for _, a := range s.Args {
			values = append(values, a.Value, a.Value+1, a.Value-1, a.ValueTwo)
		}
	}
	switch r.IntN(50) {
	case 0:
		d.arch = pick(r, []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, 0, r.Uint32()})
	case 1:
		d.number |= x32Bit
	case 2:
		d.number = r.Uint32()
	}
	for i := range d.args {
		d.args[i] = randomValue(r)
		if len(values) > 0 && r.IntN(2) == 0 {
			d.args[i] = pick(r, values)
			if r.IntN(3) == 0 {
				d.args[i] ^= uint64(r.Uint32()) << 32
			}
		}
	}
	return d
}

// TestVerdictsMatchNaiveEvaluation holds compiled filters against the naive reading of the profile.
func TestVerdictsMatchNaiveEvaluation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 600 {
		rules := 12
		if round%100 == 0 {
			rules = 400 // long enough for jumps over 255 instructions
		}
		p := randomProfile(r, rules)
		m := &machines[round%len(machines)]
		filter, err := Compile(p, m.goarch)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkFilter(filter); err != nil {
			t.Fatalf("round %d: the kernel would refuse the filter: %v", round, err)
		}
		for range 200 {
			d := randomCall(r, p, m)
			if got, want := run(filter, d), naive(p, m, d); got != want {
				t.Fatalf("round %d, %s: call %d, arguments %#x: %s, want %s\nprofile: %+v",
					round, m.goarch, d.number, d.args, verdict(got), verdict(want), p)
			}
		}
	}
}

// TestHighWordsNeverChangeTheVerdict sets the bits of arguments that the kernel does not read, for
// every argument of the width table and every operator.
func TestHighWordsNeverChangeTheVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, w := range widths {
		for index, kind := range w.args {
			if kind == '-' {
				continue
			}
			mask := argMask(w.name, uint(index))
			for _, op := range operators {
				rule := arg(uint(index), op, randomValue(r), randomValue(r))
				if op == specs.OpMaskedEqual {
					rule.ValueTwo &= rule.Value
				}
				p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
					{Names: []string{w.name}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{rule}},
				}}
				m := &machines[0]
				place := find(w.name, -1)
				if place >= 0 && calls[place].number[0] < 0 {
					m = &machines[1]
				}
				filter, err := Compile(p, m.goarch)
				if err != nil {
					t.Fatal(err)
				}
				d := call(t, m.goarch, w.name)
				for range 20 {
					d.args[index] = pick(r, []uint64{rule.Value, rule.ValueTwo, randomValue(r)}) & mask
					low := run(filter, d)
					d.args[index] |= r.Uint64() &^ mask
					if high := run(filter, d); high != low {
						t.Fatalf("%s, %s %#x: argument %#x: %s, without high bits %s",
							w.name, op, rule.Value, d.args[index], verdict(high), verdict(low))
					}
				}
			}
		}
	}
}
