package seccomp

//go:generate go test -run ^TestNumbers$ . -update
//go:generate go test -run ^TestPrebuilt$ . -update

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// x32Bit marks a call of the x32 ABI in the number of an amd64 call (asm/unistd.h,
// __X32_SYSCALL_BIT). The architecture a filter sees is that of amd64.
const x32Bit = 0x40000000

// machine is an architecture filters can be compiled for. Both are little-endian and have 64-bit
// registers, which the argument tests rely on.
type machine struct {
	goarch string
	oci    specs.Arch
	audit  uint32 // what seccomp_data.arch holds (linux/audit.h)
	column int    // of the call table
	x32    bool   // numbers from x32Bit on are another ABI
}

var machines = [...]machine{
	{"amd64", specs.ArchX86_64, unix.AUDIT_ARCH_X86_64, 0, true},
	{"arm64", specs.ArchAARCH64, unix.AUDIT_ARCH_AARCH64, 1, false},
}

// machineOf finds an architecture by its Go name.
func machineOf(goarch string) (*machine, error) {
	for i := range machines {
		if machines[i].goarch == goarch {
			return &machines[i], nil
		}
	}
	return nil, fmt.Errorf("%w: no call table for architecture %q", ErrUnsupported, goarch)
}

// find returns the place of a name in the table, -1 when no architecture has it. hint is the place
// of the name before: profiles list names in order, so the next one is mostly a few places on, and
// a full search of 300 names would be most of the time Compile takes.
func find(name string, hint int) int {
	for i := hint + 1; i <= hint+3 && i < len(calls); i++ {
		if calls[i].name == name {
			return i
		}
	}
	low, high := 0, len(calls)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if calls[mid].name < name {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(calls) && calls[low].name == name {
		return low
	}
	return -1
}
