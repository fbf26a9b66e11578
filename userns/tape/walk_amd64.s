#include "textflag.h"

// func clone3(args unsafe.Pointer, size uintptr, steps, failure unsafe.Pointer, errfd uintptr) int64
//
// The parent blocks every signal, clones, restores its mask and returns the
// pid or a negated errno. The child never returns: it walks the steps with
// registers only. It touches no stack, which it shares with the parent under
// CLONE_VM, and no g, so neither the race detector nor the scheduler sees it.
//
// Child's registers: R12 step, R13 failure, BX errfd, R14 index.
TEXT ·clone3(SB), NOSPLIT, $16-48
	MOVQ steps+16(FP), R12
	MOVQ failure+24(FP), R13
	MOVQ errfd+32(FP), BX
	MOVQ $-1, mask-8(SP)
	MOVQ $14, AX             // rt_sigprocmask(SIG_SETMASK, all, &old, 8)
	MOVQ $2, DI
	LEAQ mask-8(SP), SI
	LEAQ old-16(SP), DX
	MOVQ $8, R10
	SYSCALL
	MOVQ $435, AX            // clone3
	MOVQ args+0(FP), DI
	MOVQ size+8(FP), SI
	SYSCALL
	TESTQ AX, AX
	JZ   child
	MOVQ AX, R9
	MOVQ $14, AX
	MOVQ $2, DI
	LEAQ old-16(SP), SI
	MOVQ $0, DX
	MOVQ $8, R10
	SYSCALL
	MOVQ R9, ret+40(FP)
	RET

child:
	XORQ R14, R14

step:
	MOVQ 0(R12), AX
	CMPQ AX, $-1
	JEQ  done
	MOVQ 8(R12), DI
	MOVQ 16(R12), SI
	MOVQ 24(R12), DX
	MOVQ 32(R12), R10
	MOVQ 40(R12), R8
	MOVQ 48(R12), R9
	SYSCALL
	CMPQ AX, $0xfffffffffffff001
	JCC  failed
	TESTQ AX, AX
	JNZ  store
	MOVQ $-125, CX           // ECANCELED, should the step want a positive result
	CMPQ 80(R12), $0
	JEQ  zero
	MOVQ CX, AX
	JMP  report

zero:
	MOVQ 96(R12), CX         // skip CX steps and this one
	TESTQ CX, CX
	JZ   store
	ADDQ CX, R14
	IMUL3Q $104, CX, CX
	ADDQ CX, R12
	JMP  next

store:
	MOVQ 88(R12), CX
	TESTQ CX, CX
	JZ   next

storeone:
	MOVQ 0(CX), DX
	TESTQ DX, DX
	JZ   next
	MOVQ AX, (DX)
	ADDQ $8, CX
	JMP  storeone

next:
	ADDQ $104, R12
	INCQ R14
	JMP  step

failed:
	MOVQ AX, CX
	NEGQ CX
	CMPQ CX, $4              // EINTR: once more
	JEQ  step
	CMPQ CX, 56(R12)
	JEQ  next
	CMPQ CX, 64(R12)
	JEQ  next
	CMPQ CX, 72(R12)
	JEQ  next

report:
	NEGQ AX
	MOVQ R14, 0(R13)
	MOVQ AX, 8(R13)
	MOVQ $1, AX              // write(errfd, failure, 16)
	MOVQ BX, DI
	MOVQ R13, SI
	MOVQ $16, DX
	SYSCALL
	MOVQ $231, AX            // exit_group(126)
	MOVQ $126, DI
	SYSCALL
	INT  $3

done:
	MOVQ $231, AX            // exit_group(0)
	MOVQ $0, DI
	SYSCALL
	INT  $3
