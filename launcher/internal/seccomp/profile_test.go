package seccomp

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// dockerProfile has every field docker's profiles have.
const dockerProfile = `{
	"defaultAction": "SCMP_ACT_ERRNO",
	"defaultErrnoRet": 1,
	"archMap": [
		{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
		{"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}
	],
	"syscalls": [
		{"names": ["read", "write", "openat", "openat2", "exit_group"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
		{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
			"args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
		{"names": ["modify_ldt"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32", "x86"]}},
		{"names": ["breakpoint"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}},
		{"names": ["mount", "clone"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
		{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "comment": "no namespaces",
			"args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
			"excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
		{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}}
	]
}`

// podmanProfile has what podman's profiles have beyond docker's.
const podmanProfile = `{
	"defaultAction": "SCMP_ACT_ERRNO",
	"defaultErrnoRet": 38,
	"defaultErrno": "ENOSYS",
	"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
	"flags": ["SECCOMP_FILTER_FLAG_LOG"],
	"listenerPath": "",
	"syscalls": [
		{"names": ["vmsplice"], "action": "SCMP_ACT_ERRNO", "args": [], "comment": "", "includes": {}, "excludes": {},
			"errnoRet": 1, "errno": "EPERM"},
		{"name": "read", "action": "SCMP_ACT_ALLOW", "args": null},
		{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errno": "EINVAL", "args": [
			{"index": 0, "value": 16, "valueTwo": 0, "op": "SCMP_CMP_EQ"},
			{"index": 2, "value": 9, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
			"excludes": {"caps": ["CAP_AUDIT_WRITE"]}},
		{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
			{"index": 2, "value": 9, "valueTwo": 0, "op": "SCMP_CMP_NE"}]},
		{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
			{"index": 0, "value": 16, "valueTwo": 0, "op": "SCMP_CMP_NE"}]}
	]
}`

func mustParse(t *testing.T, text string, caps []string, k Kernel) *specs.LinuxSeccomp {
	t.Helper()
	p, err := ParseProfile(strings.NewReader(text), caps, k)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDockerProfile(t *testing.T) {
	const einval = 0x00050016
	for _, test := range []struct {
		text   string
		caps   []string
		kernel Kernel
		call   string
		args   []uint64
		want   uint32
	}{
		{dockerProfile, nil, Kernel{6, 1}, "read", nil, allow},
		{dockerProfile, nil, Kernel{6, 1}, "mount", nil, eperm},
		{dockerProfile, nil, Kernel{6, 1}, "ptrace", nil, allow},
		{dockerProfile, nil, Kernel{4, 7}, "ptrace", nil, eperm},
		{dockerProfile, nil, Kernel{4, 8}, "ptrace", nil, allow},
		{dockerProfile, nil, Kernel{6, 1}, "personality", []uint64{8}, allow},
		{dockerProfile, nil, Kernel{6, 1}, "personality", []uint64{9}, eperm},
		{dockerProfile, nil, Kernel{6, 1}, "clone", []uint64{17}, allow},
		{dockerProfile, nil, Kernel{6, 1}, "clone", []uint64{1 << 28}, eperm},
		{dockerProfile, nil, Kernel{6, 1}, "clone3", nil, enosys},
		{dockerProfile, nil, Kernel{6, 1}, "fchmodat2", nil, enosys},
		{dockerProfile, []string{"CAP_SYS_ADMIN"}, Kernel{6, 1}, "clone", []uint64{1 << 28}, allow},
		{dockerProfile, []string{"CAP_SYS_ADMIN"}, Kernel{6, 1}, "mount", nil, allow},
		{podmanProfile, nil, Kernel{6, 1}, "vmsplice", nil, eperm},
		{podmanProfile, nil, Kernel{6, 1}, "read", nil, allow},
		{podmanProfile, nil, Kernel{6, 1}, "mount", nil, enosys},
		{podmanProfile, nil, Kernel{6, 1}, "socket", []uint64{16, 3, 9}, einval},
		{podmanProfile, nil, Kernel{6, 1}, "socket", []uint64{16, 3, 0}, allow},
		{podmanProfile, nil, Kernel{6, 1}, "socket", []uint64{2, 3, 9}, allow},
		{podmanProfile, nil, Kernel{6, 1}, "socket", []uint64{1<<32 | 16, 3, 1<<40 | 9}, einval},
		{podmanProfile, []string{"CAP_AUDIT_WRITE"}, Kernel{6, 1}, "socket", []uint64{16, 3, 9}, enosys},
	} {
		p := mustParse(t, test.text, test.caps, test.kernel)
		filter := mustCompile(t, p, runtime.GOARCH)
		if got := run(filter, call(t, runtime.GOARCH, test.call, test.args...)); got != test.want {
			t.Errorf("%s%#x with %v on %v: %s, want %s", test.call, test.args, test.caps, test.kernel,
				verdict(got), verdict(test.want))
		}
	}
}

func TestProfileFields(t *testing.T) {
	p := mustParse(t, podmanProfile, nil, Kernel{6, 1})
	if m, _ := machineOf(runtime.GOARCH); !slices.Equal(p.Architectures, []specs.Arch{m.oci}) {
		t.Errorf("architectures %v: other ABIs are not ours to allow", p.Architectures)
	}
	if bits, err := FilterFlags(p); err != nil || bits != 2 {
		t.Errorf("flags %#x, %v", bits, err)
	}
	if p.DefaultErrnoRet == nil || *p.DefaultErrnoRet != 38 {
		t.Errorf("default errno %v", p.DefaultErrnoRet)
	}
}

func TestRuleApplies(t *testing.T) {
	caps, k := []string{"CAP_A", "CAP_B"}, Kernel{5, 10}
	for _, test := range []struct {
		in, ex *when
		want   bool
	}{
		{nil, nil, true},
		{&when{}, &when{}, true},
		{&when{Caps: []string{"CAP_A", "CAP_B"}}, nil, true},
		{&when{Caps: []string{"CAP_A", "CAP_C"}}, nil, false},
		{nil, &when{Caps: []string{"CAP_C", "CAP_A"}}, false},
		{nil, &when{Caps: []string{"CAP_C"}}, true},
		{&when{Arches: []string{"s390x", "arm64"}}, nil, true},
		{&when{Arches: []string{"amd64"}}, nil, false},
		{nil, &when{Arches: []string{"arm64"}}, false},
		{nil, &when{Arches: []string{"amd64"}}, true},
		{&when{MinKernel: &Kernel{5, 10}}, nil, true},
		{&when{MinKernel: &Kernel{5, 11}}, nil, false},
		{&when{MinKernel: &Kernel{4, 99}}, nil, true},
		{&when{MinKernel: &Kernel{6, 0}}, nil, false},
		{nil, &when{MinKernel: &Kernel{5, 9}}, false},
		{nil, &when{MinKernel: &Kernel{5, 11}}, true},
		{&when{Caps: []string{"CAP_A"}}, &when{Arches: []string{"arm64"}}, false},
	} {
		r := jsonRule{Includes: test.in, Excludes: test.ex}
		if got := r.applies(caps, k, "arm64"); got != test.want {
			t.Errorf("includes %+v, excludes %+v: %v", test.in, test.ex, got)
		}
	}
}

func TestProfileErrors(t *testing.T) {
	rule := func(s string) string {
		return "{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"syscalls\": [\n{" + s + "}]}"
	}
	for _, test := range []struct {
		text string
		want error
		say  string
	}{
		{``, ErrProfile, "EOF"},
		{`{}`, ErrProfile, "defaultAction"},
		{`null`, ErrProfile, "defaultAction"},
		{`[]`, ErrProfile, "line 1"},
		{"{\n\n\"defaultAction\" SCMP}", ErrProfile, "line 3"},
		{`{"defaultAction": "SCMP_ACT_ALLOW"} {}`, ErrProfile, "more than one"},
		{`{"defaultAction": "SCMP_ACT_ALLOW", "default": 1}`, ErrProfile, `unknown field "default"`},
		{`{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}`, ErrProfile, "takes no errno"},
		{`{"defaultAction": "SCMP_ACT_NOTIFY"}`, ErrUnsupported, "SCMP_ACT_NOTIFY"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "flags": ["X"]}`, ErrProfile, `"X"`},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}`,
			ErrUnsupported, "NOTIFY"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "EWHAT"}`, ErrProfile, "EWHAT"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["a"], "archMap": [{}]}`, ErrProfile, "archMap"},
		{rule(`"names": ["read"], "action": "ALLOW"`), ErrProfile, `syscalls[0] ("read"): `},
		{rule(`"names": ["read"], "action": "ALLOW"`), ErrProfile, `unknown action "ALLOW"`},
		{rule(`"names": ["read"]`), ErrProfile, "no action"},
		{rule(`"action": "SCMP_ACT_ALLOW"`), ErrProfile, "names no call"},
		{rule(`"names": [], "action": "SCMP_ACT_ALLOW"`), ErrProfile, "names no call"},
		{rule(`"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"`), ErrProfile, "both"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "argss": []`), ErrProfile, `"argss"`},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1}]`), ErrProfile, "operator"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]`), ErrProfile, "index 6"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": -1, "op": "SCMP_CMP_EQ"}]`), ErrProfile, "line 3"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQUAL"}]`), ErrProfile, "SCMP_CMP_EQUAL"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "EPERM", "errnoRet": 2`), ErrProfile, "EPERM"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 70000`), ErrProfile, "70000"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["SYS_ADMIN"]}`), ErrProfile, "SYS_ADMIN"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4"}`), ErrProfile, `"4"`},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8.1"}`), ErrProfile, "4.8.1"},
		{rule(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": 4.8}`), ErrProfile, "string"},
		// Also in rules that do not apply here.
		{rule(`"names": ["read"], "action": "?", "includes": {"caps": ["CAP_NEVER"]}`), ErrProfile, "unknown action"},
	} {
		p, err := ParseProfile(strings.NewReader(test.text), nil, Kernel{6, 1})
		switch {
		case p != nil || !errors.Is(err, test.want):
			t.Errorf("%s: error %v", test.text, err)
		case !strings.Contains(err.Error(), test.say):
			t.Errorf("%s: error %q does not say %q", test.text, err, test.say)
		}
	}
}

func TestProfileIsBounded(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(`{"comment": "`), iotest.OneByteReader(zeros{}))
	if _, err := ParseProfile(endless, nil, Kernel{}); !errors.Is(err, ErrProfile) {
		t.Error(err)
	}
	broken := iotest.ErrReader(io.ErrUnexpectedEOF)
	if _, err := ParseProfile(broken, nil, Kernel{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestKernelRelease(t *testing.T) {
	for text, want := range map[string]Kernel{
		"6.1.192-1-amd64": {6, 1}, "5.12": {5, 12}, "4.8-rc3": {4, 8}, "6.18.44-fc-v669": {6, 18}, "10.0+": {10, 0},
	} {
		if got, err := ParseKernel(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "6", "6.", ".1", "six.1", "-1.2", "6.x", "99999999999.1"} {
		if got, err := ParseKernel(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	if k, err := HostKernel(); err != nil || k.Major < 5 {
		t.Errorf("this kernel: %v, %v", k, err)
	}
}

func TestErrnoNames(t *testing.T) {
	for name, want := range map[string]uint{
		"EPERM": 1, "ENOSYS": 38, "EAGAIN": 11, "EWOULDBLOCK": 11, "EOPNOTSUPP": 95, "ENOTSUP": 95,
		"EDEADLOCK": 35, "EHWPOISON": 133,
	} {
		if got, ok := errnoByName(name); !ok || got != want {
			t.Errorf("%s: %d, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "eperm", "EPERM ", "1"} {
		if got, ok := errnoByName(name); ok {
			t.Errorf("%q: %d", name, got)
		}
	}
}

// FuzzParseProfile: whatever the text, an answer; and what parses compiles, or fails for a reason
// that has a name.
func FuzzParseProfile(f *testing.F) {
	f.Add(dockerProfile, true)
	f.Add(podmanProfile, false)
	f.Add(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"read","action":"SCMP_ACT_TRACE","errnoRet":7}]}`, true)
	f.Add(fmt.Sprintf(`{"defaultAction":"SCMP_ACT_KILL","syscalls":[{"names":["mmap"],"action":"SCMP_ACT_LOG",`+
		`"args":[{"index":1,"value":%d,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]}`, ^uint64(0)), true)
	f.Fuzz(func(t *testing.T, text string, admin bool) {
		var caps []string
		if admin {
			caps = []string{"CAP_SYS_ADMIN"}
		}
		p, err := ParseProfile(strings.NewReader(text), caps, Kernel{6, 1})
		if err != nil {
			if !errors.Is(err, ErrProfile) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an error of no class: %v", err)
			}
			return
		}
		for _, m := range machines {
			filter, err := Compile(p, m.goarch)
			if err != nil {
				if !errors.Is(err, ErrTooLong) {
					t.Fatal(err)
				}
				continue
			}
			if err := checkFilter(filter); err != nil {
				t.Fatal(err)
			}
			for number := range uint32(lastNumber + 2) {
				d := data{number: number, arch: m.audit, args: [6]uint64{0: uint64(len(text)), 1: ^uint64(0)}}
				if got, want := run(filter, d), naive(p, &m, d); got != want {
					t.Fatalf("%s call %d: %s, want %s", m.goarch, number, verdict(got), verdict(want))
				}
			}
		}
	})
}
