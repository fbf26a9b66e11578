#include "textflag.h"

// func clone3(args unsafe.Pointer, size uintptr, steps, failure unsafe.Pointer, errfd uintptr) int64
//
// As in walk_amd64.s. Child's registers: R19 step, R20 failure, R21 errfd,
// R22 index. R18 is the platform's and R28 is g: neither is touched.
TEXT ·clone3(SB), NOSPLIT, $32-48
	MOVD steps+16(FP), R19
	MOVD failure+24(FP), R20
	MOVD errfd+32(FP), R21
	MOVD $-1, R0
	MOVD R0, mask-8(SP)
	MOVD $2, R0              // rt_sigprocmask(SIG_SETMASK, all, &old, 8)
	MOVD $mask-8(SP), R1
	MOVD $old-16(SP), R2
	MOVD $8, R3
	MOVD $135, R8
	SVC
	MOVD args+0(FP), R0
	MOVD size+8(FP), R1
	MOVD $435, R8            // clone3
	SVC
	CBZ  R0, child
	MOVD R0, R23
	MOVD $2, R0
	MOVD $old-16(SP), R1
	MOVD $0, R2
	MOVD $8, R3
	MOVD $135, R8
	SVC
	MOVD R23, ret+40(FP)
	RET

child:
	MOVD $0, R22

step:
	MOVD 0(R19), R8
	CMN  $1, R8
	BEQ  done
	MOVD 8(R19), R0
	MOVD 16(R19), R1
	MOVD 24(R19), R2
	MOVD 32(R19), R3
	MOVD 40(R19), R4
	MOVD 48(R19), R5
	SVC
	CMN  $4095, R0
	BCS  failed
	CBNZ R0, store
	MOVD 80(R19), R9
	CBZ  R9, zero
	MOVD $125, R10           // ECANCELED
	B    report

zero:
	MOVD 96(R19), R9         // skip R9 steps and this one
	CBZ  R9, store
	ADD  R9, R22
	MOVD $104, R11
	MADD R11, R19, R9, R19
	B    next

store:
	MOVD 88(R19), R9
	CBZ  R9, next

storeone:
	MOVD 0(R9), R10
	CBZ  R10, next
	MOVD R0, (R10)
	ADD  $8, R9
	B    storeone

next:
	ADD  $104, R19
	ADD  $1, R22
	B    step

failed:
	NEG  R0, R10
	CMP  $4, R10             // EINTR: once more
	BEQ  step
	MOVD 56(R19), R9
	CMP  R9, R10
	BEQ  next
	MOVD 64(R19), R9
	CMP  R9, R10
	BEQ  next
	MOVD 72(R19), R9
	CMP  R9, R10
	BEQ  next

report:
	MOVD R22, 0(R20)
	MOVD R10, 8(R20)
	MOVD R21, R0             // write(errfd, failure, 16)
	MOVD R20, R1
	MOVD $16, R2
	MOVD $64, R8
	SVC
	MOVD $126, R0            // exit_group(126)
	MOVD $94, R8
	SVC
	BRK

done:
	MOVD $0, R0
	MOVD $94, R8
	SVC
	BRK
