package launcher

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/userns/tape"
)

func TestBirth(t *testing.T) {
	before := descriptors(t)
	slots := tape.NewSlots()
	b, err := newBirth(slots)
	if err != nil {
		t.Fatal(err)
	}
	for slot, fd := range map[tape.Slot]int{plan.SyncRead: b.sync[0], plan.SyncWrite: b.sync[1], plan.Console: b.console[1], plan.Pid: b.pid[1]} {
		if slots[slot] != uintptr(fd) || fd < 3 {
			t.Errorf("slot %d: %d instead of %d", slot, slots[slot], fd)
		}
	}
	if b.failed[1] < 3+plan.MaxKeep {
		t.Errorf("the error pipe is %d, where the command's own descriptors go", b.failed[1])
	}
	for _, p := range [][2]int{b.sync, b.failed, b.pid, b.console} {
		for _, fd := range p {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d would pass an exec: %v", fd, err)
			}
		}
	}
	b.close()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors instead of %d", after, before)
	}
}

// What the process writes is read, and its end is noticed, whichever comes.
func TestBirthTells(t *testing.T) {
	for _, tt := range []struct {
		name, pid, report string
		wantPid           int
		ok                bool
	}{
		{name: "executed"},
		{name: "with a child", pid: string(binary.NativeEndian.AppendUint64(nil, 4711)), wantPid: 4711, ok: true},
		{name: "half a pid", pid: "abc"},
		{name: "failed", report: string(make([]byte, tape.FailureSize))},
	} {
		b, err := newBirth(tape.NewSlots())
		if err != nil {
			t.Fatal(err)
		}
		for fd, text := range map[int]string{b.pid[1]: tt.pid, b.failed[1]: tt.report} {
			if _, err := unix.Write(fd, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		b.cloned() // nobody else has the process's ends
		if pid, ok := b.child(); ok != tt.ok || ok && pid != tt.wantPid {
			t.Errorf("%s: %d, %v", tt.name, pid, ok)
		}
		if report := b.report(); string(report) != tt.report {
			t.Errorf("%s: %q", tt.name, report)
		}
		b.close()
	}
}

// The end of the supervisor's is what a process waits for that may live no longer.
func TestBirthSync(t *testing.T) {
	b, err := newBirth(tape.NewSlots())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := unix.FcntlInt(uintptr(b.sync[0]), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(theirs)
	b.cloned()
	if b.sync[0] != -1 || b.failed[1] != -1 || b.pid[1] != -1 || b.console[1] != -1 {
		t.Errorf("%+v", b)
	}
	b.close()
	if n, err := unix.Read(theirs, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
