package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const conditional = `{
  "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
  "archMap": [
    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}
  ],
  "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {}, "excludes": {}},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
    {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
    {"names": ["arm_sync"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}},
    {"names": ["not_on_arm"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["arm64"]}},
    {"names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_CHROOT"]}},
    {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["both"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]}},
    {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EPERM", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["no_chroot"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_CHROOT", "CAP_BPF"]}}
  ]
}`

func TestForContainer(t *testing.T) {
	for arch, want := range map[string]struct {
		arches []specs.Arch
		names  []string
	}{
		"amd64": {[]specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}, []string{"read", "personality", "arch_prctl", "not_on_arm", "chroot", "bpf"}},
		"arm64": {[]specs.Arch{specs.ArchAARCH64, specs.ArchARM}, []string{"read", "personality", "arm_sync", "chroot", "bpf"}},
	} {
		var p profile
		check(t, json.Unmarshal([]byte(conditional), &p))
		got, err := p.forContainer(arch, defaultCaps())
		check(t, err)
		var names []string
		for _, call := range got.Syscalls {
			names = append(names, call.Names...)
			if call.Names[0] == "bpf" && (call.ErrnoRet == nil || *call.ErrnoRet != 1) {
				t.Errorf("bpf: %+v", call)
			}
			if call.Names[0] == "personality" && (len(call.Args) != 1 || call.Args[0].Value != 8) {
				t.Errorf("personality: %+v", call)
			}
		}
		if !slices.Equal(names, want.names) || !slices.Equal(got.Architectures, want.arches) {
			t.Errorf("%s: %v, %v, want %v", arch, names, got.Architectures, want)
		}
		if got.DefaultAction != specs.ActErrno || got.DefaultErrnoRet == nil || *got.DefaultErrnoRet != 38 {
			t.Errorf("%s: default is %v %v", arch, got.DefaultAction, got.DefaultErrnoRet)
		}
	}
	if _, err := (profile{}).forContainer("vax", nil); err == nil {
		t.Error("a profile for a vax")
	}
}

func TestDefaultProfile(t *testing.T) {
	dir := t.TempDir()
	missing, bad, good := filepath.Join(dir, "missing"), filepath.Join(dir, "bad"), filepath.Join(dir, "good")
	check(t, os.WriteFile(bad, []byte("["), 0o600))
	check(t, os.WriteFile(good, []byte(conditional), 0o600))
	if _, err := defaultProfile([]string{missing}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := defaultProfile([]string{missing, bad, good}, nil); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a damaged file: %v", err)
	}
	if p, err := defaultProfile([]string{missing, good}, defaultCaps()); err != nil || len(p.Syscalls) < 5 {
		t.Errorf("%+v, %v", p, err)
	}
}
