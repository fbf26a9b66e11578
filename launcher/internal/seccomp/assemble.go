package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (linux/seccomp.h): the only memory a filter can read.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16 // six 64-bit words, low half first
)

// The instructions a filter is made of.
const (
	opLoad = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	opAnd  = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	opJump = unix.BPF_JMP | unix.BPF_JA
	opEQ   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opGE   = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	opGT   = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	opRet  = unix.BPF_RET | unix.BPF_K
)

// maxJump is the farthest a conditional jump reaches: its two offsets are bytes.
const maxJump = 255

// dest is where control goes: to return an action word, or, with isPlace set, to an instruction.
type dest uint64

const isPlace dest = 1 << 32

// ret is the destination "return this word".
func ret(word uint32) dest { return dest(word) }

// assembler writes a program from its end to its beginning. Classic BPF jumps forward only, so
// every target exists before the jump to it and its distance is known.
type assembler struct {
	code []unix.SockFilter // reversed: code[0] is the program's last instruction
	rets []dest            // instructions that return, one for each word, the nearest

	// Working memory of tree and byValue, kept from one to the next.
	cuts    []cut
	parts   []part
	borders []border
	tests   []segment
}

// init makes room for what the default profile needs.
func (a *assembler) init() {
	a.code, a.rets = make([]unix.SockFilter, 0, 128), make([]dest, 0, 8)
	a.cuts, a.parts = make([]cut, 0, 96), make([]part, 0, 32)
	a.borders, a.tests = make([]border, 0, 32), make([]segment, 0, 32)
}

// add puts an instruction in front of the program.
func (a *assembler) add(op uint16, k uint32, jt, jf uint8) dest {
	a.code = append(a.code, unix.SockFilter{Code: op, Jt: jt, Jf: jf, K: k})
	return isPlace | dest(len(a.code)-1)
}

// distance is the offset that a jump put in front of the program now would need to reach d.
func (a *assembler) distance(d dest) int { return len(a.code) - 1 - int(uint32(d)) }

// near returns a place for d that conditional jumps can reach even after room more instructions. If
// there is none it makes one: another copy of a return, or a plain jump, which reaches any distance.
func (a *assembler) near(d dest, room int) dest {
	if d&isPlace != 0 {
		if a.distance(d)+room <= maxJump {
			return d
		}
		return a.add(opJump, uint32(a.distance(d)), 0, 0)
	}
	for i, r := range a.rets {
		if a.code[uint32(r)].K != uint32(d) {
			continue
		}
		if a.distance(r)+room > maxJump {
			a.rets[i] = a.add(opRet, uint32(d), 0, 0)
		}
		return a.rets[i]
	}
	r := a.add(opRet, uint32(d), 0, 0)
	a.rets = append(a.rets, r)
	return r
}

// branch goes to t when the accumulator compares with k so, else to f.
func (a *assembler) branch(op uint16, k uint32, t, f dest) dest {
	if t == f {
		return t
	}
	f = a.near(f, 1) // reaching t may put one instruction between
	t = a.near(t, 0)
	return a.add(op, k, uint8(a.distance(t)), uint8(a.distance(f)))
}

// load reads the word at a place of seccomp_data, cuts it to the bits of mask, and goes on at next.
func (a *assembler) load(offset, mask uint32, next dest) dest {
	if next&isPlace == 0 {
		return next // it returns whatever was read
	}
	if a.distance(next) != 0 {
		a.add(opJump, uint32(a.distance(next)), 0, 0)
	}
	if mask != ^uint32(0) {
		a.add(opAnd, mask, 0, 0)
	}
	return a.add(opLoad, offset, 0, 0)
}

// program returns the instructions in the order the kernel runs them. The assembler is used up.
func (a *assembler) program() []unix.SockFilter {
	slices.Reverse(a.code)
	return a.code
}
