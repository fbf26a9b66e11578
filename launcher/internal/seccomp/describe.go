package seccomp

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Summary counts what a filter does with the calls of its architecture.
type Summary struct {
	Instructions int
	Calls        int // calls this program knows of on the architecture
	Allowed      int // of those: always allowed
	ByArgument   int // decided by an argument
}

// String is one line for people.
func (s Summary) String() string {
	return fmt.Sprintf("%d of %d calls allowed, %d more by argument; %d instructions",
		s.Allowed, s.Calls, s.ByArgument, s.Instructions)
}

// Describe counts what a filter from Compile does, by running it for every call number as far as it
// gets without an argument. The kernel does the same when a filter is attached, and from then on
// never runs the filter for the calls that Allowed counts (Linux 5.11, seccomp_cache_prepare).
func Describe(filter []unix.SockFilter, arch string) (Summary, error) {
	m, err := machineOf(arch)
	if err != nil {
		return Summary{}, err
	}
	s := Summary{Instructions: len(filter)}
	for i := range calls {
		number := calls[i].number[m.column]
		if number < 0 {
			continue
		}
		s.Calls++
		switch word, known := withoutArguments(filter, uint32(number), m.audit); {
		case !known:
			s.ByArgument++
		case word == unix.SECCOMP_RET_ALLOW:
			s.Allowed++
		}
	}
	return s, nil
}

// withoutArguments runs a filter. known is false when it reads an argument, or does what Compile
// never writes.
func withoutArguments(filter []unix.SockFilter, number, arch uint32) (word uint32, known bool) {
	var value uint32
	for i := 0; i < len(filter); i++ {
		in := filter[i]
		taken := false
		switch in.Code {
		case opLoad:
			switch in.K {
			case offNumber:
				value = number
			case offArch:
				value = arch
			default:
				return 0, false
			}
			continue
		case opRet:
			return in.K, true
		case opJump:
			i += int(in.K)
			continue
		case opEQ:
			taken = value == in.K
		case opGE:
			taken = value >= in.K
		case opGT:
			taken = value > in.K
		default:
			return 0, false
		}
		if taken {
			i += int(in.Jt)
		} else {
			i += int(in.Jf)
		}
	}
	return 0, false
}
