package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// maxProfile is the largest JSON profile read, in bytes. Docker's default one has 20,000.
const maxProfile = 1 << 20

// jsonProfile is a profile as docker (github.com/moby/profiles) and podman (containers/common,
// pkg/seccomp) write it. What only podman has: errors by name.
type jsonProfile struct {
	Comment          string                   `json:"comment"`
	DefaultAction    specs.LinuxSeccompAction `json:"defaultAction"`
	DefaultErrnoRet  *uint                    `json:"defaultErrnoRet"`
	DefaultErrno     string                   `json:"defaultErrno"`
	Architectures    []specs.Arch             `json:"architectures"`
	ArchMap          []jsonArch               `json:"archMap"`
	Flags            []specs.LinuxSeccompFlag `json:"flags"`
	ListenerPath     string                   `json:"listenerPath"`
	ListenerMetadata string                   `json:"listenerMetadata"`
	Syscalls         []jsonRule               `json:"syscalls"`
}

type jsonArch struct {
	Arch      specs.Arch   `json:"architecture"`
	SubArches []specs.Arch `json:"subArchitectures"`
}

type jsonRule struct {
	Comment  string                   `json:"comment"`
	Name     string                   `json:"name"` // before 2016
	Names    []string                 `json:"names"`
	Action   specs.LinuxSeccompAction `json:"action"`
	ErrnoRet *uint                    `json:"errnoRet"`
	Errno    string                   `json:"errno"`
	Args     []specs.LinuxSeccompArg  `json:"args"`
	Includes *when                    `json:"includes"`
	Excludes *when                    `json:"excludes"`
}

// ParseProfile reads a JSON profile of docker's or podman's kind, of at most 1 MiB, and keeps the
// rules that apply to a container with the given bounding set on the given kernel and the
// architecture of the running program. Call names nobody knows are kept and mean nothing.
//
// It is stricter than docker: an unknown field is an error, since a misspelt "args" would turn a
// condition into a blanket permission, and so is a profile without a default action, which docker
// takes to mean no filter at all. Architectures other than the running one are dropped: a filter
// refuses them all.
//
// Errors are of class ErrProfile or ErrUnsupported, or the reader's.
func ParseProfile(r io.Reader, caps []string, kernel Kernel) (*specs.LinuxSeccomp, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxProfile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read seccomp profile: %w", err)
	}
	if len(text) > maxProfile {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrProfile, maxProfile)
	}
	var in jsonProfile
	if err := decode(text, &in); err != nil {
		return nil, err
	}
	return in.profile(caps, kernel, runtime.GOARCH)
}

// decode reads one JSON value and nothing after it, and says on which line it fails.
func decode(text []byte, in *jsonProfile) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(in)
	at := d.InputOffset()
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		err = errors.New("more than one JSON value")
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	line := 1 + bytes.Count(text[:min(max(at, 0), int64(len(text)))], []byte("\n"))
	return fmt.Errorf("%w: line %d: %s", ErrProfile, line, strings.TrimPrefix(err.Error(), "json: "))
}

// profile checks all rules, also those that do not apply here, and keeps those that do.
func (in *jsonProfile) profile(caps []string, kernel Kernel, goarch string) (*specs.LinuxSeccomp, error) {
	m, err := machineOf(goarch)
	if err != nil {
		return nil, err
	}
	out := &specs.LinuxSeccomp{
		DefaultAction: in.DefaultAction,
		Architectures: []specs.Arch{m.oci},
		Flags:         in.Flags,
	}
	if out.DefaultErrnoRet, err = errno(in.DefaultErrno, in.DefaultErrnoRet); err != nil {
		return nil, fmt.Errorf("defaultErrno: %w", err)
	}
	if _, err := encode(out.DefaultAction, out.DefaultErrnoRet); err != nil {
		return nil, fmt.Errorf("defaultAction: %w", err)
	}
	if _, err := FilterFlags(out); err != nil {
		return nil, err
	}
	if len(in.Architectures) > 0 && len(in.ArchMap) > 0 {
		return nil, fmt.Errorf("%w: has both \"architectures\" and \"archMap\"\n"+
			"  fix: keep one of them", ErrProfile)
	}
	for i := range in.Syscalls {
		r := &in.Syscalls[i]
		call, err := r.rule()
		if err != nil {
			return nil, fmt.Errorf("syscalls[%d]%s: %w", i, r.title(), err)
		}
		if r.applies(caps, kernel, goarch) {
			out.Syscalls = append(out.Syscalls, call)
		}
	}
	return out, nil
}

// rule checks one rule and writes it the runtime spec's way.
func (r *jsonRule) rule() (specs.LinuxSyscall, error) {
	out := specs.LinuxSyscall{Names: r.Names, Action: r.Action, Args: r.Args}
	switch {
	case r.Name != "" && len(r.Names) > 0:
		return out, fmt.Errorf("%w: has both \"name\" and \"names\"\n  fix: keep \"names\"", ErrProfile)
	case r.Name != "":
		out.Names = []string{r.Name}
	case len(r.Names) == 0:
		return out, fmt.Errorf("%w: names no call", ErrProfile)
	}
	var err error
	if out.ErrnoRet, err = errno(r.Errno, r.ErrnoRet); err != nil {
		return out, err
	}
	if _, err := encode(out.Action, out.ErrnoRet); err != nil {
		return out, err
	}
	for _, a := range r.Args {
		if err := checkArg(a); err != nil {
			return out, err
		}
	}
	for _, w := range []*when{r.Includes, r.Excludes} {
		if err := w.check(); err != nil {
			return out, err
		}
	}
	return out, nil
}

// title names a rule by its first call in errors.
func (r *jsonRule) title() string {
	name := r.Name
	if name == "" && len(r.Names) > 0 {
		name = r.Names[0]
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" (%.64q)", name)
}
