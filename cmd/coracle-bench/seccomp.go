package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// profile is a seccomp profile in the format of docker and podman, which is
// that of the OCI runtime specification with conditions.
type profile struct {
	DefaultAction   specs.LinuxSeccompAction `json:"defaultAction"`
	DefaultErrnoRet *uint                    `json:"defaultErrnoRet"`
	ArchMap         []struct {
		Architecture     specs.Arch   `json:"architecture"`
		SubArchitectures []specs.Arch `json:"subArchitectures"`
	} `json:"archMap"`
	Syscalls []struct {
		specs.LinuxSyscall
		Includes condition `json:"includes"`
		Excludes condition `json:"excludes"`
	} `json:"syscalls"`
}

type condition struct {
	Arches    []string `json:"arches"`
	Caps      []string `json:"caps"`
	MinKernel string   `json:"minKernel"`
}

// profilePaths are where podman looks: the administrator's, then its own.
func profilePaths() []string {
	return []string{"/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json"}
}

// defaultProfile is podman's default for a container with these capabilities.
// The error is os.ErrNotExist when no file has it.
func defaultProfile(paths, caps []string) (*specs.LinuxSeccomp, error) {
	for _, path := range paths {
		var p profile
		err := readJSON(path, &p)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return p.forContainer(runtime.GOARCH, caps)
	}
	return nil, fmt.Errorf("no seccomp.json: %w", os.ErrNotExist)
}

// forContainer decides the conditions: all that are in includes must hold, none
// that is in excludes.
func (p profile) forContainer(arch string, caps []string) (*specs.LinuxSeccomp, error) {
	native, ok := map[string]specs.Arch{"amd64": specs.ArchX86_64, "arm64": specs.ArchAARCH64}[arch]
	if !ok {
		return nil, fmt.Errorf("no seccomp profile for %s", arch)
	}
	s := &specs.LinuxSeccomp{DefaultAction: p.DefaultAction, DefaultErrnoRet: p.DefaultErrnoRet, Architectures: []specs.Arch{native}}
	for _, a := range p.ArchMap {
		if a.Architecture == native {
			s.Architectures = append(s.Architectures, a.SubArchitectures...)
		}
	}
	for _, call := range p.Syscalls {
		in, out := call.Includes, call.Excludes
		if len(in.Arches) > 0 && !slices.Contains(in.Arches, arch) || slices.Contains(out.Arches, arch) {
			continue
		}
		has := func(c string) bool { return slices.Contains(caps, c) }
		lacks := func(c string) bool { return !has(c) }
		if slices.ContainsFunc(in.Caps, lacks) || slices.ContainsFunc(out.Caps, has) {
			continue
		}
		// minKernel is at most 4.8 in all the profiles there are; coracle needs 5.12.
		s.Syscalls = append(s.Syscalls, call.LinuxSyscall)
	}
	return s, nil
}
