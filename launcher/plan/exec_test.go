package plan

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// execInput is a usual process; change alters it.
func execInput(change func(*ExecInput)) ExecInput {
	in := ExecInput{
		Process: &specs.Process{
			Args: []string{"true"}, Env: []string{"PATH=/bin:/sbin"}, Cwd: "/work",
			User:         specs.User{UID: 5, GID: 6, AdditionalGids: []uint32{7}},
			Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}, Effective: []string{"CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"}},
		},
		Filter:     &Filter{Program: []unix.SockFilter{{Code: 6, K: 0x7fff0000}}, About: "all allowed"},
		MappedRoot: true,
	}
	if change != nil {
		change(&in)
	}
	return in
}

func mustExec(t *testing.T, change func(*ExecInput)) []tape.Op {
	t.Helper()
	ops, err := NewExec(execInput(change))
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

func execChanges() map[string]func(*ExecInput) {
	return map[string]func(*ExecInput){
		"usual":    nil,
		"terminal": func(in *ExecInput) { in.Process.Terminal = true },
		"sized terminal": func(in *ExecInput) {
			in.Process.Terminal, in.Process.ConsoleSize = true, &specs.Box{Width: 80, Height: 25}
		},
		"no filter":         func(in *ExecInput) { in.Filter = nil },
		"no new privileges": func(in *ExecInput) { in.Process.NoNewPrivileges = true },
		"no mapped root":    func(in *ExecInput) { in.MappedRoot = false },
		"one id":            func(in *ExecInput) { in.DenySetgroups = true },
		"descriptors":       func(in *ExecInput) { in.Keep = 3 },
	}
}

func TestExecOrder(t *testing.T) {
	// The namespaces first, dumpable off before them, everything that needs power
	// before the user, the filter before that, and nothing after close_range that
	// opens anything.
	common := []string{
		"close(%2)", "PR_SET_DUMPABLE", "setns(%7", "CLONE_PARENT", "tell the supervisor its pid", "leave the rest", "setresgid(0, 0, 0)", "setresuid(0, 0, 0)",
		"setsid()", "KEYCTL_JOIN_SESSION_KEYRING",
	}
	end := []string{"PR_CAPBSET_DROP", "close_range", "seccomp(", "# the container's user\n", "capset", "no signal blocked", "execve("}
	ops := mustExec(t, nil)
	setns := strings.SplitN(ops[at(ops, "setns(")].String(), ",", 2)[0]
	common[2] = setns
	inOrder(t, ops, append(append(common[:len(common):len(common)], "its standard descriptors"), end...)...)
	inOrder(t, mustExec(t, execChanges()["terminal"]), append(append(common[:len(common):len(common)], "its terminals", "TIOCSCTTY"), end...)...)
	nnp := mustExec(t, execChanges()["no new privileges"])
	inOrder(t, nnp, "PR_SET_NO_NEW_PRIVS", "# the container's user\n", "capset", "seccomp(", "execve(")
}

// The supervisor's death is noticed by both: by the one it clones, and by the one
// that this forks in the container's pid namespace.
func TestExecDiesWithSupervisor(t *testing.T) {
	ops := mustExec(t, nil)
	fork := at(ops, "CLONE_PARENT")
	if n := at(ops[:fork], "PR_SET_PDEATHSIG"); n < 0 || n > at(ops, "setns(") {
		t.Errorf("the first sets it at %d", n)
	}
	if at(ops[fork:], "PR_SET_PDEATHSIG") < 0 {
		t.Error("the second does not")
	}
	// The parent tells and leaves: two operations, which the child skips.
	if ops[fork].ZeroSkip != 2 || ops[fork+2].Call != tape.Exit {
		t.Errorf("after the fork: %s, %s", ops[fork+1], ops[fork+2])
	}
}

func TestExecSlots(t *testing.T) {
	for name, change := range execChanges() {
		in := execInput(change)
		filled := map[tape.Slot]bool{SyncRead: true, SyncWrite: true, Console: true, Pid: true, Container: true, Namespaces: true}
		for fd := range tape.Slot(3) {
			filled[Stdin+fd] = !in.Process.Terminal
		}
		for i := range tape.Slot(in.Keep) {
			filled[KeepFirst+i] = true
		}
		for _, op := range mustExec(t, change) {
			for _, a := range op.Args {
				for _, s := range slotsOf(a) {
					if !filled[s] {
						t.Errorf("%s: %s uses slot %d, which nothing filled", name, op, s)
					}
				}
			}
			filled[op.Into] = true
		}
	}
}

// The command gets its standard descriptors, those it is to keep, and no other.
func TestExecDescriptors(t *testing.T) {
	for name, change := range execChanges() {
		in, ops := execInput(change), mustExec(t, change)
		closing := at(ops, "close_range")
		if closing < 0 || at(ops[closing:], "dup3(") >= 0 && in.Keep == 0 {
			t.Fatalf("%s: descriptors after close_range", name)
		}
		dups := 0
		for _, op := range ops[:closing+1] {
			if op.Call == tape.Dup3 {
				dups++
			}
		}
		if dups < 3 {
			t.Errorf("%s: %d descriptors instead of 3", name, dups)
		}
		for _, op := range ops[closing:] {
			if (op.Call == tape.Openat || op.Call == tape.Openat2) && !strings.Contains(op.String(), "O_CLOEXEC") {
				t.Errorf("%s: the command gets what was opened after close_range: %s", name, op)
			}
		}
	}
}

// With a terminal, nothing of the container's links counts on the way to it.
func TestExecTerminalFollowsNoLink(t *testing.T) {
	ops := mustExec(t, execChanges()["sized terminal"])
	for i, op := range ops {
		s := op.String()
		if op.Call == tape.Openat2 && strings.Contains(s, "dev/pts") && !strings.Contains(s, "RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS") {
			t.Errorf("follows links: %s", s)
		}
		if (op.Call == tape.Openat || op.Call == tape.Openat2) && strings.Contains(s, `"/dev`) {
			t.Errorf("a path that the container may have laid (%d): %s", i, s)
		}
	}
	if at(ops, "TIOCSWINSZ") < 0 {
		t.Error("the size is not set")
	}
	if at(mustExec(t, nil), "dev/pts") >= 0 {
		t.Error("without a terminal, its directory is opened")
	}
	for fd := range 3 {
		for _, op := range ops {
			for _, a := range op.Args {
				if a.Slot == Stdin+tape.Slot(fd) {
					t.Errorf("with a terminal, descriptor %d is the client's: %s", fd, op)
				}
			}
		}
	}
}

func TestExecChoices(t *testing.T) {
	for _, tt := range []struct {
		name, words string
		there       bool
	}{
		{"usual", "seccomp(", true},
		{"no filter", "seccomp(", false},
		{"usual", "setgroups(1", true},
		{"one id", "setgroups(", false},
		{"usual", "be root of the container", true},
		{"no mapped root", "be root of the container", false},
		{"usual", "PR_SET_NO_NEW_PRIVS", false},
		{"no new privileges", "PR_SET_NO_NEW_PRIVS", true},
		{"usual", `"work", {O_PATH`, true},
	} {
		if ops := mustExec(t, execChanges()[tt.name]); (at(ops, tt.words) >= 0) != tt.there {
			t.Errorf("%s: %s there: %v", tt.name, tt.words, !tt.there)
		}
	}
	for _, args := range [][]string{nil, {""}} {
		if _, err := NewExec(execInput(func(in *ExecInput) { in.Process.Args = args })); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if _, err := NewExec(execInput(func(in *ExecInput) { in.Process.Capabilities.Bounding = []string{"CAP_FLY"} })); err == nil {
		t.Error("an unknown capability is no error")
	}
	if _, err := NewExec(execInput(func(in *ExecInput) { in.Process.Capabilities = nil })); err == nil {
		t.Error("none named is no error: it would have all")
	}
}

// The caller's list stays as it is, and goes over the wire.
func TestExecWire(t *testing.T) {
	for name, change := range execChanges() {
		ops := mustExec(t, change)
		got, rest, err := tape.Decode(tape.Append(nil, ops))
		if err != nil || len(rest) > 0 || len(got) != len(ops) {
			t.Fatalf("%s: %d of %d operations, %v", name, len(got), len(ops), err)
		}
		for i := range ops {
			if got[i].String() != ops[i].String() {
				t.Errorf("%s: %s instead of %s", name, got[i], ops[i])
			}
		}
	}
}
