package seccomp

import (
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func rules(otherwise specs.LinuxSeccompAction, list ...specs.LinuxSyscall) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{DefaultAction: otherwise, Syscalls: list}
}

func on(name string, action specs.LinuxSeccompAction, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: action, Args: args}
}

func number(n uint) *uint { return &n }

func TestActions(t *testing.T) {
	for _, test := range []struct {
		action specs.LinuxSeccompAction
		errno  *uint
		want   uint32
		err    error
	}{
		{specs.ActAllow, nil, 0x7fff0000, nil},
		{specs.ActErrno, nil, 0x00050001, nil},
		{specs.ActErrno, number(38), 0x00050026, nil},
		{specs.ActErrno, number(0), 0x00050000, nil},
		{specs.ActErrno, number(4096), 0, ErrProfile},
		{specs.ActTrace, nil, 0x7ff00001, nil},
		{specs.ActTrace, number(0xffff), 0x7ff0ffff, nil},
		{specs.ActTrace, number(0x10000), 0, ErrProfile},
		{specs.ActKill, nil, 0, nil},
		{specs.ActKillThread, nil, 0, nil},
		{specs.ActKillProcess, nil, 0x80000000, nil},
		{specs.ActTrap, nil, 0x00030000, nil},
		{specs.ActLog, nil, 0x7ffc0000, nil},
		{specs.ActAllow, number(1), 0, ErrProfile},
		{specs.ActNotify, nil, 0, ErrUnsupported},
		{"SCMP_ACT_DENY", nil, 0, ErrProfile},
		{"", nil, 0, ErrProfile},
	} {
		p := rules(specs.ActErrno, specs.LinuxSyscall{
			Names: []string{"getpid"}, Action: test.action, ErrnoRet: test.errno,
		})
		filter, err := Compile(p, "amd64")
		if !errors.Is(err, test.err) {
			t.Errorf("%s %v: error %v, want %v", test.action, test.errno, err, test.err)
		}
		if err == nil {
			if got := run(filter, call(t, "amd64", "getpid")); got != test.want {
				t.Errorf("%s: %#x, want %#x", test.action, got, test.want)
			}
		}
		p = &specs.LinuxSeccomp{DefaultAction: test.action, DefaultErrnoRet: test.errno}
		filter, err = Compile(p, "arm64")
		if !errors.Is(err, test.err) {
			t.Errorf("default %s %v: error %v, want %v", test.action, test.errno, err, test.err)
		}
		if err == nil {
			if got := run(filter, call(t, "arm64", "getpid")); got != test.want {
				t.Errorf("default %s: %#x, want %#x", test.action, got, test.want)
			}
		}
	}
}

// TestSeveralRules holds what the package comment says of rules for one call.
func TestSeveralRules(t *testing.T) {
	eq := func(index uint, v uint64) specs.LinuxSeccompArg { return arg(index, specs.OpEqualTo, v, 0) }
	const kill, trap = unix.SECCOMP_RET_KILL_THREAD, unix.SECCOMP_RET_TRAP
	for name, test := range map[string]struct {
		rules []specs.LinuxSyscall
		args  []uint64
		want  uint32
	}{
		"conditions on two arguments must both hold": {
			[]specs.LinuxSyscall{on("mmap", specs.ActAllow, eq(0, 1), eq(1, 2))}, []uint64{1, 3}, eperm},
		"and do": {
			[]specs.LinuxSyscall{on("mmap", specs.ActAllow, eq(0, 1), eq(1, 2))}, []uint64{1, 2}, allow},
		"conditions on one argument are alternatives": {
			[]specs.LinuxSyscall{on("mmap", specs.ActAllow, eq(0, 1), eq(0, 2))}, []uint64{2}, allow},
		"rules are alternatives": {
			[]specs.LinuxSyscall{on("mmap", specs.ActAllow, eq(0, 1)), on("mmap", specs.ActAllow, eq(1, 2))},
			[]uint64{9, 2}, allow},
		"none holds": {
			[]specs.LinuxSyscall{on("mmap", specs.ActAllow, eq(0, 1)), on("mmap", specs.ActTrap, eq(0, 2))},
			[]uint64{3}, eperm},
		"a denial added to a permission counts": {
			[]specs.LinuxSyscall{on("chmod", specs.ActAllow), on("chmod", specs.ActErrno)}, nil, eperm},
		"a denied value added to a permission counts": {
			[]specs.LinuxSyscall{on("socket", specs.ActAllow), on("socket", specs.ActErrno, eq(0, 16))},
			[]uint64{16}, eperm},
		"and only that value": {
			[]specs.LinuxSyscall{on("socket", specs.ActAllow), on("socket", specs.ActErrno, eq(0, 16))},
			[]uint64{17}, allow},
		"the most restrictive wins": {
			[]specs.LinuxSyscall{on("mmap", specs.ActTrap, eq(0, 1)), on("mmap", specs.ActKill, eq(1, 1))},
			[]uint64{1, 1}, kill},
		"whatever the order": {
			[]specs.LinuxSyscall{on("mmap", specs.ActKill, eq(1, 1)), on("mmap", specs.ActTrap, eq(0, 1))},
			[]uint64{1, 1}, kill},
		"the weaker one where the stronger does not hold": {
			[]specs.LinuxSyscall{on("mmap", specs.ActKill, eq(1, 1)), on("mmap", specs.ActTrap, eq(0, 1))},
			[]uint64{1, 0}, trap},
		"of equals the first": {
			[]specs.LinuxSyscall{
				{Names: []string{"chmod"}, Action: specs.ActErrno, ErrnoRet: number(38)},
				{Names: []string{"chmod"}, Action: specs.ActErrno, ErrnoRet: number(5)},
			}, nil, enosys},
	} {
		filter := mustCompile(t, rules(specs.ActErrno, test.rules...), "amd64")
		got := run(filter, call(t, "amd64", test.rules[0].Names[0], test.args...))
		if got != test.want {
			t.Errorf("%s: %s, want %s", name, verdict(got), verdict(test.want))
		}
	}
}

// TestNewerCalls: what is newer than all rules does not exist, if the profile is a list of what is
// allowed.
func TestNewerCalls(t *testing.T) {
	newer := data{number: 450, arch: unix.AUDIT_ARCH_X86_64}
	for action, want := range map[specs.LinuxSeccompAction]uint32{
		specs.ActErrno: enosys, specs.ActKillProcess: enosys, specs.ActTrap: enosys,
		specs.ActAllow: allow, specs.ActLog: unix.SECCOMP_RET_LOG, specs.ActTrace: 0x7ff00001,
	} {
		filter := mustCompile(t, rules(action, on("close_range", specs.ActAllow)), "amd64")
		if got := run(filter, newer); got != want {
			t.Errorf("%s: %s, want %s", action, verdict(got), verdict(want))
		}
	}
	filter := mustCompile(t, rules(specs.ActTrap), "amd64")
	if got := run(filter, newer); got != unix.SECCOMP_RET_TRAP {
		t.Errorf("no rules: %s", verdict(got))
	}
}

func TestUnknownNamesAreSkipped(t *testing.T) {
	p := rules(specs.ActErrno, specs.LinuxSyscall{
		Names: []string{"open", "no_such_call", "", "openat", "arm_fadvise64_64"}, Action: specs.ActAllow,
	})
	for name, arch := range map[string]string{"open": "amd64", "openat": "arm64"} {
		if got := run(mustCompile(t, p, arch), call(t, arch, name)); got != allow {
			t.Errorf("%s on %s: %s", name, arch, verdict(got))
		}
	}
}

func TestCompileErrors(t *testing.T) {
	long, one, wide := rules(specs.ActErrno), rules(specs.ActErrno), rules(specs.ActErrno)
	for i := range 1000 {
		for _, name := range []string{"mmap", "mprotect"} {
			long.Syscalls = append(long.Syscalls, on(name, specs.ActAllow,
				arg(0, specs.OpEqualTo, uint64(i)<<32, 0), arg(1, specs.OpGreaterThan, uint64(i), 0)))
		}
	}
	for i := range 2000 {
		one.Syscalls = append(one.Syscalls, on("mmap", specs.ActAllow, arg(0, specs.OpEqualTo, uint64(i), 0)))
	}
	wide.Syscalls = []specs.LinuxSyscall{{Action: specs.ActAllow}}
	for i := range 10000 { // 10⁸ rules, if each were made
		w := &wide.Syscalls[0]
		w.Names, w.Args = append(w.Names, "read"), append(w.Args, arg(0, specs.OpEqualTo, uint64(i), 0))
	}
	for name, test := range map[string]struct {
		p    *specs.LinuxSeccomp
		arch string
		want error
		text string
	}{
		"architecture": {Default(nil), "riscv64", ErrUnsupported, "riscv64"},
		"no profile":   {nil, "amd64", ErrProfile, ""},
		"empty":        {&specs.LinuxSeccomp{}, "amd64", ErrProfile, "default action"},
		"operator": {rules(specs.ActErrno, on("read", specs.ActAllow, arg(0, "==", 0, 0))), "amd64",
			ErrProfile, `unknown operator "=="`},
		"index": {rules(specs.ActErrno, on("read", specs.ActAllow, arg(6, specs.OpEqualTo, 0, 0))), "amd64",
			ErrProfile, "argument index 6"},
		"huge index": {rules(specs.ActErrno, on("read", specs.ActAllow, arg(^uint(0), specs.OpEqualTo, 0, 0))),
			"amd64", ErrProfile, "argument index"},
		"length":         {long, "amd64", ErrTooLong, "4096"},
		"rules for one":  {one, "amd64", ErrTooLong, "mmap"},
		"too many":       {wide, "amd64", ErrTooLong, "rule 1"},
		"rule's place":   {rules(specs.ActErrno, on("read", specs.ActAllow), on("write", "?")), "amd64", ErrProfile, "rule 2"},
		"not an errno":   {rules(specs.ActErrno, specs.LinuxSyscall{Action: specs.ActErrno, ErrnoRet: number(5000)}), "amd64", ErrProfile, "5000"},
		"agent required": {rules(specs.ActErrno, on("mount", specs.ActNotify)), "amd64", ErrUnsupported, "fix:"},
	} {
		filter, err := Compile(test.p, test.arch)
		if !errors.Is(err, test.want) || filter != nil {
			t.Errorf("%s: %d instructions, error %v", name, len(filter), err)
		} else if !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %q does not say %q", name, err, test.text)
		}
	}
}

// longProfile has argument rules, all different, for every call that has full-width arguments.
func longProfile(otherwise specs.LinuxSeccompAction) *specs.LinuxSeccomp {
	p := rules(otherwise, on("listns", specs.ActAllow))
	for i, c := range calls {
		if argMask(c.name, 4) == ^uint64(0) && c.name != "listns" {
			p.Syscalls = append(p.Syscalls, on(c.name, specs.ActAllow,
				arg(4, specs.OpEqualTo, uint64(i)<<40|7, 0), arg(3, specs.OpEqualTo, uint64(i), 0)))
		}
	}
	return p
}

// TestLongJumps puts more than 255 instructions between the tree and the returns.
func TestLongJumps(t *testing.T) {
	p := longProfile(specs.ActErrno)
	filter := mustCompile(t, p, "amd64")
	jumps := 0
	for _, in := range filter {
		if in.Code == opJump {
			jumps++
		}
	}
	if jumps < 2 || len(filter) < 1000 {
		t.Errorf("%d long jumps in %d instructions: the test tests nothing", jumps, len(filter))
	}
	for _, rule := range p.Syscalls[1:] {
		name, i := rule.Names[0], rule.Args[1].Value
		if place := find(name, -1); calls[place].number[0] < 0 {
			continue
		}
		d := call(t, "amd64", name, 0, 0, 0, i, rule.Args[0].Value)
		if got := run(filter, d); got != allow {
			t.Fatalf("%s: %s", name, verdict(got))
		}
		d.args[3]++
		if got := run(filter, d); got != eperm {
			t.Fatalf("%s with a wrong argument: %s", name, verdict(got))
		}
	}
}

// TestSharedRules: one rule for many calls is compiled once.
func TestSharedRules(t *testing.T) {
	cond := arg(1, specs.OpGreaterThan, 1<<40, 0)
	one := rules(specs.ActErrno, on("mmap", specs.ActAllow, cond))
	many := rules(specs.ActErrno, specs.LinuxSyscall{
		Names: []string{"mmap", "mprotect", "munmap", "brk"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{cond},
	})
	if a, b := mustCompile(t, one, "amd64"), mustCompile(t, many, "amd64"); len(b) > len(a)+2 {
		t.Errorf("%d instructions for one call, %d for four", len(a), len(b))
	}
}
