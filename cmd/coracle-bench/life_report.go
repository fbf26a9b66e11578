package main

import "fmt"

func (p *printer) life(l *Life) {
	if l == nil {
		return
	}
	p.times("exec true in a running container", l.Exec)
	p.times("run -d until a reader of the log has the first line", l.FirstLog)
	p.times("stop of a container that exits on TERM", l.Stop)
	p.throughput(l.Logs)
	if len(l.Rest) == 0 {
		return
	}
	p.line("\ncontainers at rest: memory and processes beside theirs, and ps (MB each, ms)")
	t := &table{align: "lrrrrrr"}
	t.add("", "running", "proportional", "processes", "wake-ups/s", "ps", "min")
	for _, r := range l.Rest {
		t.add(r.Program, fmt.Sprint(r.Running), digits(r.Pss), fmt.Sprint(r.Processes), digits(r.Wakeups), digits(r.Ps.Median), digits(r.Ps.Min))
	}
	p.table(t)
}

// lifeTargets judges what is done with a container after its start.
func (l *Life) lifeTargets() []Target {
	if l == nil {
		return nil
	}
	exec := find(l.Exec, "coracle").Median
	list := []Target{
		{Name: "exec, against crun exec", Value: ratio(exec, find(l.Exec, "crun").Median), Unit: "×", Limit: 1},
		{Name: "exec, faster than podman", Value: ratio(find(l.Exec, "podman").Median, exec), Unit: "×", Limit: 5, AtLeast: true},
	}
	return append(list, logTargets(l.Logs)...)
}
