package seccomp

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// data is struct seccomp_data.
type data struct {
	number, arch uint32
	args         [6]uint64
}

func (d data) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, d.number)
	b = binary.LittleEndian.AppendUint32(b, d.arch)
	b = binary.LittleEndian.AppendUint64(b, 0) // instruction pointer
	for _, a := range d.args {
		b = binary.LittleEndian.AppendUint64(b, a)
	}
	return b
}

// checkFilter refuses what the kernel would refuse (net/core/filter.c, bpf_check_classic;
// kernel/seccomp.c, seccomp_check_filter).
func checkFilter(filter []unix.SockFilter) error {
	if len(filter) == 0 || len(filter) > unix.BPF_MAXINSNS {
		return fmt.Errorf("%d instructions", len(filter))
	}
	for i, in := range filter {
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if in.K%4 != 0 || in.K >= 64 {
				return fmt.Errorf("%d: load from %d", i, in.K)
			}
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, unix.BPF_RET | unix.BPF_K:
		case unix.BPF_JMP | unix.BPF_JA:
			if uint64(i)+uint64(in.K)+1 >= uint64(len(filter)) {
				return fmt.Errorf("%d: jumps out by %d", i, in.K)
			}
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K,
			unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			if i+1+max(int(in.Jt), int(in.Jf)) >= len(filter) {
				return fmt.Errorf("%d: jumps out", i)
			}
		default:
			return fmt.Errorf("%d: unknown instruction %#x", i, in.Code)
		}
	}
	if last := filter[len(filter)-1]; last.Code != unix.BPF_RET|unix.BPF_K {
		return fmt.Errorf("ends with %#x", last.Code)
	}
	return nil
}

// run interprets a filter that checkFilter accepts and returns its verdict.
func run(filter []unix.SockFilter, d data) uint32 {
	memory := d.bytes()
	var value uint32
	for i := 0; ; i++ {
		in := filter[i]
		taken := false
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			value = binary.LittleEndian.Uint32(memory[in.K:])
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			value &= in.K
			continue
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		case unix.BPF_JMP | unix.BPF_JA:
			i += int(in.K)
			continue
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			taken = value == in.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			taken = value >= in.K
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			taken = value > in.K
		}
		if taken {
			i += int(in.Jt)
		} else {
			i += int(in.Jf)
		}
	}
}

// call makes the data of a call by name; further values are its arguments.
func call(t testing.TB, arch, name string, args ...uint64) data {
	t.Helper()
	m, err := machineOf(arch)
	if err != nil {
		t.Fatal(err)
	}
	place := find(name, -1)
	if place < 0 || calls[place].number[m.column] < 0 {
		t.Fatalf("%s has no call %s", arch, name)
	}
	d := data{number: uint32(calls[place].number[m.column]), arch: m.audit}
	copy(d.args[:], args)
	return d
}

// verdict is what a word means, for messages.
func verdict(word uint32) string {
	for _, a := range actions {
		if a.word == word&unix.SECCOMP_RET_ACTION_FULL {
			return fmt.Sprintf("%s(%d)", a.name, word&unix.SECCOMP_RET_DATA)
		}
	}
	return fmt.Sprintf("%#x", word)
}
