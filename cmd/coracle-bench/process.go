package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process is what /proc says of one. Name is the base name of argv[0], and the
// kernel's name for the process when it has no arguments, as a zombie.
type process struct {
	PID, PPID, UID int
	Name           string
}

// processes lists all processes in procfs mounted at proc.
func processes(proc string) ([]process, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p, err := readProcess(proc, pid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func readProcess(proc string, pid int) (process, error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return process{}, err
	}
	p, err := parseStatus(string(status))
	if err != nil {
		return p, fmt.Errorf("%s/status: %w", dir, err)
	}
	args, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // a zombie has none
	if arg0, _, _ := bytes.Cut(args, []byte{0}); len(arg0) > 0 {
		p.Name = filepath.Base(string(arg0))
	}
	return p, nil
}

// parseStatus reads /proc/PID/status, proc_pid_status(5). Ids are the real ones.
func parseStatus(text string) (process, error) {
	var p process
	found := 0
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		number := 0
		switch key {
		case "Name":
			p.Name = value
			continue
		case "Pid", "PPid", "Uid":
			first, _, _ := strings.Cut(value, "\t")
			var err error
			if number, err = strconv.Atoi(first); err != nil {
				return p, fmt.Errorf("%s is %q", key, value)
			}
			found++
		}
		switch key {
		case "Pid":
			p.PID = number
		case "PPid":
			p.PPID = number
		case "Uid":
			p.UID = number
		}
	}
	if found != 3 {
		return p, errors.New("it does not have the lines Pid, PPid and Uid")
	}
	return p, nil
}

// descendants are the processes below pid, save those in without and below.
func descendants(all []process, pid int, without map[int]bool) []process {
	var found []process
	for _, p := range all {
		if p.PPID == pid && !without[p.PID] {
			found = append(found, p)
			found = append(found, descendants(all, p.PID, without)...)
		}
	}
	return found
}

// children are the pids of this process's children. The files are from Linux
// 3.5 and depend on CONFIG_PROC_CHILDREN; a look at all processes takes a
// hundred times as long.
func children() ([]int, error) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	if len(lists) == 0 {
		all, err := processes("/proc")
		var pids []int
		for _, p := range all {
			if p.PPID == os.Getpid() {
				pids = append(pids, p.PID)
			}
		}
		return pids, err
	}
	var pids []int
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", list, err)
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// reapAll waits for every child that has ended.
func reapAll() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
