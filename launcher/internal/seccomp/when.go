package seccomp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kernel is a kernel release as far as profiles can ask for one: 6.1.192-1-amd64 is {6, 1}.
type Kernel struct{ Major, Minor int }

// HostKernel asks the running kernel.
func HostKernel() (Kernel, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Kernel{}, fmt.Errorf("cannot tell the kernel's release: %w", err)
	}
	return ParseKernel(unix.ByteSliceToString(u.Release[:]))
}

// ParseKernel reads a release as uname -r prints it. What follows the second number is ignored.
func ParseKernel(release string) (Kernel, error) {
	major, rest, _ := strings.Cut(release, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	x, err1 := strconv.ParseUint(major, 10, 16)
	y, err2 := strconv.ParseUint(rest[:end], 10, 16)
	if err1 != nil || err2 != nil {
		return Kernel{}, fmt.Errorf("cannot tell the kernel's release from %.64q", release)
	}
	return Kernel{int(x), int(y)}, nil
}

// before tells an older kernel.
func (k Kernel) before(other Kernel) bool {
	return k.Major < other.Major || k.Major == other.Major && k.Minor < other.Minor
}

// UnmarshalJSON reads a profile's "minKernel", which is two numbers and nothing else.
func (k *Kernel) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("kernel release is not a string like \"4.8\"")
	}
	if s == "" { // docker writes "any" so
		*k = Kernel{}
		return nil
	}
	var err error
	if *k, err = ParseKernel(s); err != nil || strings.Trim(s, "0123456789.") != "" ||
		strings.Count(s, ".") != 1 {
		return fmt.Errorf("kernel release %.32q is not like \"4.8\"", s)
	}
	return nil
}

// when is a condition on the container (its bounding set) and the host. An empty list asks nothing.
type when struct {
	Caps      []string `json:"caps"`
	Arches    []string `json:"arches"` // libseccomp's names; of those Go builds for here, Go's
	MinKernel *Kernel  `json:"minKernel"`
}

// check finds capabilities that no container can have, so that the condition would never count.
func (w *when) check() error {
	if w == nil {
		return nil
	}
	for _, c := range w.Caps {
		if !strings.HasPrefix(c, "CAP_") {
			return fmt.Errorf("%w: unknown capability %.64q\n  fix: write it as CAP_SYS_ADMIN, …",
				ErrProfile, c)
		}
	}
	return nil
}

// applies tells whether a rule is for this container, as docker does it: all that includes lists
// must be so (each capability, one of the architectures, the kernel), nothing that excludes lists.
func (r *jsonRule) applies(caps []string, kernel Kernel, goarch string) bool {
	if w := r.Excludes; w != nil {
		if slices.Contains(w.Arches, goarch) ||
			slices.ContainsFunc(w.Caps, func(c string) bool { return slices.Contains(caps, c) }) ||
			w.MinKernel != nil && !kernel.before(*w.MinKernel) {
			return false
		}
	}
	if w := r.Includes; w != nil {
		if len(w.Arches) > 0 && !slices.Contains(w.Arches, goarch) ||
			slices.ContainsFunc(w.Caps, func(c string) bool { return !slices.Contains(caps, c) }) ||
			w.MinKernel != nil && kernel.before(*w.MinKernel) {
			return false
		}
	}
	return true
}
