package seccomp

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestTree compiles random segments and asks for the values around every border.
func TestTree(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		list := []segment{{0, ret(uint32(r.IntN(3)))}}
		for at := uint64(0); len(list) < 1+r.IntN(40); {
			at += 1 + uint64(r.IntN(3))*uint64(r.IntN(1000))
			list = push(list, uint32(at), ret(uint32(r.IntN(3))))
		}
		var a assembler
		a.load(offNumber, ^uint32(0), a.tree(list, ^uint32(0)))
		if len(a.code) == 0 {
			continue // one segment
		}
		filter := a.program()
		if err := checkFilter(filter); err != nil {
			t.Fatal(err)
		}
		for i, s := range list {
			for _, value := range []uint32{s.first, s.first + 1, s.first - 1} {
				want := list[len(list)-1].to
				for j := range list[1:] {
					if value < list[j+1].first {
						want = list[j].to
						break
					}
				}
				if got := run(filter, data{number: value}); got != uint32(want) {
					t.Fatalf("segment %d of %v, value %d: %d, want %d", i, list, value, got, want)
				}
			}
		}
	}
}

// TestTreeIsShort: a single value in a run costs one comparison, a border one.
func TestTreeIsShort(t *testing.T) {
	for _, test := range []struct {
		list []segment
		want int // comparisons
	}{
		{[]segment{{0, 1}}, 0},
		{[]segment{{0, 1}, {5, 2}}, 1},
		{[]segment{{0, 1}, {5, 2}, {6, 1}}, 1},
		{[]segment{{0, 1}, {5, 2}, {7, 1}}, 2},
		{[]segment{{0, 1}, {5, 2}, {6, 1}, {8, 2}, {9, 1}, {20, 2}, {21, 1}}, 3},
		{[]segment{{0, 2}, {1, 1}, {8, 2}, {9, 1}, {^uint32(0), 2}}, 3},
	} {
		var a assembler
		a.tree(test.list, ^uint32(0))
		n := 0
		for _, in := range a.code {
			if in.Code != opRet {
				n++
			}
		}
		if n != test.want {
			t.Errorf("%v: %d comparisons, want %d", test.list, n, test.want)
		}
	}
}

// TestReach branches to places around the farthest that a conditional jump reaches.
func TestReach(t *testing.T) {
	for pad := 240; pad < 270; pad++ {
		for _, known := range []bool{false, true} { // is the other target's return written already?
			var a assembler
			far := a.load(offArgs, ^uint32(0), a.branch(opEQ, 5, ret(50), ret(51)))
			if known {
				a.near(ret(7), 0)
			}
			for range pad {
				a.add(opLoad, offArch, 0, 0)
			}
			a.load(offNumber, ^uint32(0), a.branch(opEQ, 1, ret(7), far))
			filter := a.program()
			if err := checkFilter(filter); err != nil {
				t.Fatalf("padding %d: %v", pad, err)
			}
			for number, want := range []uint32{50, 7, 50} {
				if got := run(filter, data{number: uint32(number), args: [6]uint64{5}}); got != want {
					t.Errorf("padding %d, value %d: %d, want %d", pad, number, got, want)
				}
			}
		}
	}
}

func TestArgumentWidths(t *testing.T) {
	for _, test := range []struct {
		call  string
		index uint
		want  uint64
	}{
		{"socket", 0, 0xffffffff}, {"socket", 2, 0xffffffff}, {"socket", 3, ^uint64(0)},
		{"ioctl", 1, 0xffffffff}, {"ioctl", 2, ^uint64(0)},
		{"personality", 0, 0xffffffff}, {"prctl", 0, 0xffffffff}, {"prctl", 1, ^uint64(0)},
		{"clone", 0, 0xffffffff}, {"clone", 1, ^uint64(0)}, {"unshare", 0, ^uint64(0)},
		{"mmap", 2, ^uint64(0)}, {"chmod", 1, 0xffff}, {"openat", 3, 0xffff},
		{"fanotify_mark", 2, ^uint64(0)}, {"fanotify_mark", 3, 0xffffffff},
		{"no_such_call", 0, ^uint64(0)}, {"read", 99, ^uint64(0)},
	} {
		if got := argMask(test.call, test.index); got != test.want {
			t.Errorf("%s, argument %d: %#x", test.call, test.index, got)
		}
	}
	last := ""
	for _, w := range widths {
		if w.name <= last || find(w.name, -1) < 0 || len(w.args) > 6 || strings.Trim(w.args, "ih-") != "" ||
			strings.HasSuffix(w.args, "-") {
			t.Errorf("bad row %v", w)
		}
		last = w.name
	}
}

// TestNegativeInts: a profile may write an int of -1 with 32 or 64 bits.
func TestNegativeInts(t *testing.T) {
	for _, value := range []uint64{0xffffffff, ^uint64(0)} {
		p := rules(specs.ActErrno, on("setpriority", specs.ActAllow, arg(2, specs.OpEqualTo, value, 0)),
			on("setpriority", specs.ActAllow, arg(1, specs.OpMaskedEqual, value, value)))
		filter := mustCompile(t, p, "amd64")
		for _, args := range [][]uint64{{0, 0, 0xffffffff}, {0, 0, ^uint64(0)}, {0, ^uint64(0), 0}} {
			if got := run(filter, call(t, "amd64", "setpriority", args...)); got != allow {
				t.Errorf("%#x for %#x: %s", args, value, verdict(got))
			}
		}
	}
	// Any other high bit is a number no int equals.
	p := rules(specs.ActErrno, on("socket", specs.ActAllow, arg(0, specs.OpEqualTo, 1<<32|2, 0)))
	filter := mustCompile(t, p, "amd64")
	for _, family := range []uint64{2, 1<<32 | 2} {
		if got := run(filter, call(t, "amd64", "socket", family)); got != eperm {
			t.Errorf("socket(%#x): %s", family, verdict(got))
		}
	}
}

func TestFind(t *testing.T) {
	for i, c := range calls {
		for _, hint := range []int{-1, i - 1, i - 3, i, len(calls) - 1, 17} {
			if got := find(c.name, max(hint, -1)); got != i {
				t.Fatalf("%s after %d: %d, want %d", c.name, hint, got, i)
			}
		}
	}
	for _, name := range []string{"", "zzz", "rea", "read0", "READ"} {
		if got := find(name, -1); got != -1 {
			t.Errorf("%q: %d", name, got)
		}
	}
	if !slices.IsSortedFunc(calls[:], func(a, b struct {
		name   string
		number [2]int16
	}) int {
		return strings.Compare(a.name, b.name)
	}) {
		t.Error("the table is not sorted")
	}
}

func TestDescribe(t *testing.T) {
	p := rules(specs.ActErrno,
		specs.LinuxSyscall{Names: []string{"read", "write", "socket"}, Action: specs.ActAllow},
		on("ioctl", specs.ActAllow, arg(1, specs.OpEqualTo, 1, 0)))
	s, err := Describe(mustCompile(t, p, "arm64"), "arm64")
	if err != nil || s.Allowed != 3 || s.ByArgument != 1 || s.Calls < 300 {
		t.Errorf("%+v, %v", s, err)
	}
	if text := s.String(); !strings.HasPrefix(text, "3 of ") || !strings.Contains(text, "1 more by argument") {
		t.Error(text)
	}
	if _, err := Describe(nil, "s390x"); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	// Not from Compile: no claim that anything is allowed, and no crash.
	for _, filter := range [][]unix.SockFilter{
		nil, {{Code: 0xffff}}, {{Code: opJump, K: 1 << 30}}, {{Code: opLoad, K: 16}}, {{Code: opEQ, Jt: 255, Jf: 255}},
	} {
		if s, err := Describe(filter, "amd64"); err != nil || s.Allowed != 0 {
			t.Errorf("%v: %+v, %v", filter, s, err)
		}
	}
}

func TestFilterFlags(t *testing.T) {
	for _, test := range []struct {
		flags []specs.LinuxSeccompFlag
		want  uint
		err   error
	}{
		{nil, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, nil},
		{[]specs.LinuxSeccompFlag{}, 0, nil},
		{[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagLog}, 2, nil},
		{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagLog}, 6, nil},
		{[]specs.LinuxSeccompFlag{"LOG"}, 0, ErrProfile},
		{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv}, 0, ErrUnsupported},
	} {
		got, err := FilterFlags(&specs.LinuxSeccomp{Flags: test.flags})
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v: %#x, %v", test.flags, got, err)
		}
	}
}
