package main

import (
	"strings"
	"testing"
	"time"

	"coracle/launcher/processes"
)

func TestTopColumns(t *testing.T) {
	for words, want := range map[string]string{
		"":                              "UID PID PPID C STIME TTY TIME CMD",
		"-ef":                           "UID PID PPID C STIME TTY TIME CMD",
		"pid hpid huser":                "PID HPID HUSER",
		"pid,comm args":                 "PID COMMAND CMD",
		"-o pid,ppid,comm,args":         "PID PPID COMMAND CMD",
		"-opid,user":                    "PID UID",
		"-eo rss,vsz,etime,stat":        "RSS VSZ ELAPSED STAT",
		"-e -o PID -o %cpu":             "PID %CPU",
		"aux":                           "UID PID %CPU %MEM VSZ RSS TTY STAT START TIME CMD",
		"-o pid,capeff,seccomp":         "PID EFFECTIVE CAPS SECCOMP",
		"hgroups label etimes lstart":   "HGROUPS LABEL ELAPSED STARTED",
		"tname s nlwp ni pgrp sess gid": "TTY S NLWP NI PGID SID GID",
	} {
		columns, err := topColumns(strings.Fields(words))
		var got []string
		for _, c := range columns {
			got = append(got, c.title)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v", words, got, err)
		}
	}
	for _, bad := range []string{"smell", "-x", "-", "--sort", "-o", "-eo", "-o ,", "pid smell", "-o pid=NUMBER"} {
		if c, err := topColumns(strings.Fields(bad)); err == nil {
			t.Errorf("%q: %v", bad, c)
		}
	}
}

func TestTopCells(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.Local)
	p := &processes.Process{
		PID: 1, HostPID: 50, UID: 3, Started: now.Add(-100 * time.Second),
		Stat: processes.Stat{Comm: "x", State: "S", CPU: 50 * time.Second, RSS: 2048, VSZ: 4096, Session: 50, Group: 50, Foreground: 50, TTY: 34816, Threads: 2, Nice: -1},
	}
	known := topKnown()
	for name, want := range map[string]string{
		"pid": "1", "hpid": "50", "uid": "3", "args": "[x]", "comm": "x", "c": "50", "pcpu": "50.0", "rss": "2", "vsz": "4", "time": "00:00:50", "etime": "01:40",
		"stime": "11:58", "stat": "S<sl+", "tty": "pts/0",
	} {
		if got := known[name].show(p, now); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	p.Args, p.Started, p.Stat = []string{"a", "b c"}, now.Add(-50*time.Hour), processes.Stat{State: "R", Nice: 1}
	for name, want := range map[string]string{"args": "a b c", "stime": "Mar02", "stat": "RN", "tty": "?", "etime": "2-02:00:00", "c": "0"} {
		if got := known[name].show(p, now); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestContainerNames(t *testing.T) {
	for line, want := range map[string]string{
		"container ls": "ps", "container list": "ps", "container ps -a": "ps", "container rm x": "rm", "container exists x": "container exists",
		"container prune": "container prune", "container inspect x": "container inspect", "container run x": "run", "container top x": "top",
		"container commit": "", "container": "", "container doctor": "", "image ls": "", "container container": "",
	} {
		if v, ok := container(strings.Fields(line)); v.name != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", line, v.name, ok)
		}
	}
}
