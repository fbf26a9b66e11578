package launcher

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// ChildName is the argv[0] under which the program is a container's first
// process in the portable executor.
const ChildName = "coracle-child"

// clonePortable makes the container's first process by re-executing this
// program, which then runs the same operations in a plain loop: for
// architectures without the fast executor, and to hold that one against.
func (s *supervisor) clonePortable(failed int) (keep any, err error) {
	if !s.req.Plan.ShareMemory {
		return nil, fmt.Errorf("joining namespaces of another container needs the fast executor")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer r.Close()
	// The child gets every descriptor that a slot holds, renumbered.
	attr := &syscall.ProcAttr{Files: []uintptr{0, 1, 2, r.Fd(), uintptr(failed)}, Env: []string{}}
	var table []byte
	for slot, fd := range s.slots {
		if fd != ^uintptr(0) && slot != 0 {
			table = binary.AppendUvarint(binary.AppendUvarint(table, uint64(slot)), uint64(len(attr.Files)))
			attr.Files = append(attr.Files, fd)
		}
	}
	attr.Sys = &syscall.SysProcAttr{Cloneflags: uintptr(s.req.Plan.CloneFlags), PidFD: &s.pidfd}
	if fd := s.groupFD(); fd != 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, fd
	}
	if s.req.Plan.UIDMap != "" {
		attr.Sys.UidMappings, attr.Sys.GidMappings = sysMap(s.req.Plan.UIDMap), sysMap(s.req.Plan.GIDMap)
		attr.Sys.GidMappingsEnableSetgroups = !s.req.Plan.DenySetgroups
		if has0(attr.Sys.UidMappings) && has0(attr.Sys.GidMappings) {
			// Only as root of its namespace does it keep its capabilities in the exec.
			attr.Sys.Credential = &syscall.Credential{NoSetGroups: true}
		}
		s.mapped = true // by the syscall package
	}
	if s.pid, err = syscall.ForkExec("/proc/self/exe", []string{ChildName}, attr); err != nil {
		w.Close()
		return nil, fmt.Errorf("cannot create the container's namespaces: %w\n  fix: coracle doctor", err)
	}
	program := append(binary.AppendUvarint(nil, uint64(len(table))), table...)
	go func() {
		_, _ = w.Write(tape.Append(program, s.req.Plan.Child))
		w.Close()
	}()
	return nil, nil
}

func has0(m []syscall.SysProcIDMap) bool {
	return slices.ContainsFunc(m, func(e syscall.SysProcIDMap) bool { return e.ContainerID == 0 && e.Size > 0 })
}

func sysMap(lines string) (m []syscall.SysProcIDMap) {
	for line := range strings.Lines(lines) {
		var e syscall.SysProcIDMap
		if _, err := fmt.Sscan(line, &e.ContainerID, &e.HostID, &e.Size); err == nil {
			m = append(m, e)
		}
	}
	return m
}

// Child is the main function of the portable executor's child. Descriptor 3
// holds the program, 4 takes a failure.
func Child() int {
	runtime.LockOSThread()
	const failed = 4
	unix.CloseOnExec(failed)
	program := os.NewFile(3, "program")
	b, err := io.ReadAll(io.LimitReader(program, maxMessage))
	program.Close()
	d := reader{b: b}
	table := reader{b: []byte(d.str())}
	ops, _, derr := tape.Decode(d.b)
	if err != nil || d.bad || derr != nil {
		return ExitFailed
	}
	slots := tape.NewSlots()
	for len(table.b) > 0 && !table.bad {
		slot := table.num(tape.MaxSlots - 1)
		slots[slot] = uintptr(table.num(1 << 20))
		unix.CloseOnExec(int(slots[slot]))
	}
	if err := tape.Run(ops, slots); err != nil {
		if oe, ok := err.(*tape.OpError); ok {
			_, _ = unix.Write(failed, tape.Report(oe))
		}
		return 126
	}
	return 0
}

// executor names the executor that environment variable CORACLE_EXECUTOR asks
// for: "portable", or the fast one.
func portableAsked() bool {
	return os.Getenv("CORACLE_EXECUTOR") == "portable" && strconv.IntSize == 64
}
