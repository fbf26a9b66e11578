package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"coracle/launcher/processes"
)

// topColumn is what is shown of each process under a title.
type topColumn struct {
	title string
	show  func(p *processes.Process, now time.Time) string
}

// topKnown are the columns by the names that ps and podman have for them.
func topKnown() map[string]topColumn {
	type process = processes.Process
	all := []struct {
		names string
		topColumn
	}{
		{"user uid euid euser uname", topColumn{"UID", func(p *process, _ time.Time) string { return strconv.Itoa(p.UID) }}},
		{"group gid egid egroup", topColumn{"GID", func(p *process, _ time.Time) string { return strconv.Itoa(p.GID) }}},
		{"huser", topColumn{"HUSER", func(p *process, _ time.Time) string { return strconv.Itoa(p.HostUID) }}},
		{"hgroup", topColumn{"HGROUP", func(p *process, _ time.Time) string { return strconv.Itoa(p.HostGID) }}},
		{"pid", topColumn{"PID", func(p *process, _ time.Time) string { return strconv.Itoa(p.PID) }}},
		{"ppid", topColumn{"PPID", func(p *process, _ time.Time) string { return strconv.Itoa(p.PPID) }}},
		{"hpid", topColumn{"HPID", func(p *process, _ time.Time) string { return strconv.Itoa(p.HostPID) }}},
		{"pgid pgrp", topColumn{"PGID", func(p *process, _ time.Time) string { return strconv.Itoa(p.Group) }}},
		{"sid sess session", topColumn{"SID", func(p *process, _ time.Time) string { return strconv.Itoa(p.Session) }}},
		{"comm ucmd", topColumn{"COMMAND", func(p *process, _ time.Time) string { return p.Comm }}},
		{"args cmd command", topColumn{"CMD", func(p *process, _ time.Time) string {
			if len(p.Args) == 0 {
				return "[" + p.Comm + "]"
			}
			return strings.Join(p.Args, " ")
		}}},
		{"c", topColumn{"C", func(p *process, now time.Time) string { return strconv.Itoa(int(topShare(p, now))) }}},
		{"pcpu %cpu", topColumn{"%CPU", func(p *process, now time.Time) string { return strconv.FormatFloat(topShare(p, now), 'f', 1, 64) }}},
		{"rss rssize rsz", topColumn{"RSS", func(p *process, _ time.Time) string { return strconv.FormatUint(p.RSS>>10, 10) }}},
		{"vsz vsize", topColumn{"VSZ", func(p *process, _ time.Time) string { return strconv.FormatUint(p.VSZ>>10, 10) }}},
		{"nice ni", topColumn{"NI", func(p *process, _ time.Time) string { return strconv.Itoa(p.Nice) }}},
		{"nlwp thcount", topColumn{"NLWP", func(p *process, _ time.Time) string { return strconv.Itoa(p.Threads) }}},
		{"state s", topColumn{"S", func(p *process, _ time.Time) string { return p.State }}},
		{"stat", topColumn{"STAT", func(p *process, _ time.Time) string { return topState(p) }}},
		{"tty tname tt", topColumn{"TTY", func(p *process, _ time.Time) string { return p.Terminal() }}},
		{"time cputime", topColumn{"TIME", func(p *process, _ time.Time) string { return topClock(p.CPU, true) }}},
		{"etime", topColumn{"ELAPSED", func(p *process, now time.Time) string { return topClock(now.Sub(p.Started), false) }}},
		{"stime start_time", topColumn{"STIME", func(p *process, now time.Time) string {
			if t := p.Started.Local(); now.Sub(t) < 24*time.Hour {
				return t.Format("15:04")
			}
			return p.Started.Local().Format("Jan02")
		}}},
	}
	known := topMore()
	for _, c := range all {
		for _, name := range strings.Fields(c.names) {
			known[name] = c.topColumn
		}
	}
	return known
}

// topShare is how much of one processor a process used since it was started, in
// percent.
func topShare(p *processes.Process, now time.Time) float64 {
	if age := now.Sub(p.Started); age > 0 {
		return 100 * p.CPU.Seconds() / max(age.Seconds(), 1)
	}
	return 0
}

// topState is the state with the letters that ps(1) puts behind it.
func topState(p *processes.Process) string {
	s := p.State
	switch {
	case p.Nice < 0:
		s += "<"
	case p.Nice > 0:
		s += "N"
	}
	if p.Session == p.HostPID {
		s += "s"
	}
	if p.Threads > 1 {
		s += "l"
	}
	if p.TTY != 0 && p.Foreground == p.Group {
		s += "+"
	}
	return s
}

// topClock is a length of time as ps has it: [days-]hours:minutes:seconds, the
// hours only if there are some or all is wanted.
func topClock(d time.Duration, all bool) string {
	s := max(int(d.Seconds()), 0)
	text := fmt.Sprintf("%02d:%02d", s/60%60, s%60)
	if h := s / 3600; h > 0 || all {
		text = fmt.Sprintf("%02d:", h%24) + text
	}
	if days := s / 86400; days > 0 {
		text = strconv.Itoa(days) + "-" + text
	}
	return text
}
