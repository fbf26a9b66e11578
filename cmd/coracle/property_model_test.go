package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// lifeBox is what the model knows of a container.
type lifeBox struct {
	state string // created, running, exited
	long  bool   // it goes on until it is stopped
	// status are the exit statuses that it may have ended with.
	status []string
	// starts is how often it was started, and so at most how many lines it wrote.
	starts int
}

// Commands of containers. One that is asked to stop before it has set its trap is
// killed after the time given: as pid 1 it gets no signal that it does not handle.
const (
	lifeLong  = `trap "exit 7" TERM; echo up; while :; do sleep 1000 & wait $!; done`
	lifeShort = `echo up; exit 3`
)

// own runs a verb about a name of the client's, and compares.
func (c *lifeClient) own() {
	name := fmt.Sprintf("own%d-%d", c.n, c.random.IntN(2))
	all := []string{"create", "run -d", "start", "stop -t 1", "stop -t 0", "restart -t 0", "kill", "rm", "rm -f", "exec", "rename", "wait", "ps", "inspect", "logs"}
	if c.boxes[name] == nil && c.random.IntN(2) == 0 {
		all = all[:2] // or most would be about nothing
	}
	c.verb(name, all[c.random.IntN(len(all))])
}

// verb runs it and compares what it does with what the model says.
func (c *lifeClient) verb(name, verb string) {
	b := c.boxes[name]
	switch verb {
	case "create", "run -d":
		c.create(name, verb, b)
	case "rename":
		to := strings.TrimSuffix(name, name[len(name)-1:]) + string('0'+'1'-name[len(name)-1])
		want := 0
		if b == nil || c.boxes[to] != nil {
			want = 125
		}
		if c.expect(want, "rename "+name+" "+to) && want == 0 {
			c.boxes[to] = b
			delete(c.boxes, name)
		}
	case "rm", "rm -f":
		want := 0
		if verb == "rm" && (b == nil || b.state == "running") {
			want = 1
		}
		if c.expect(want, verb+" "+name) && want == 0 {
			delete(c.boxes, name)
		}
	case "ps":
		c.ps(name, b)
	default:
		if b == nil {
			line := verb + " " + name
			if verb == "exec" {
				line += " true"
			}
			c.expect(125, line)
			return
		}
		c.about(name, verb, b)
	}
}

// expect runs a line that must have the exit status.
func (c *lifeClient) expect(want int, line string, more ...string) bool {
	out, status := c.run(line, more...)
	if status != want {
		c.fail("%s %q: status %d, want %d: %s", line, more, status, want, out)
	}
	return status == want
}

func (c *lifeClient) create(name, verb string, b *lifeBox) {
	made := &lifeBox{state: "created", long: c.random.IntN(3) > 0}
	script := lifeShort
	if made.long {
		script = lifeLong
	}
	if b != nil {
		c.expect(125, verb+" --name "+name+" coracle/base sh -c", script)
		return
	}
	if !c.expect(0, verb+" --name "+name+" coracle/base sh -c", script) {
		return
	}
	c.boxes[name] = made
	if verb != "create" {
		c.started(name, made)
	}
}

// started is what follows a start: those that end by themselves are waited for.
func (c *lifeClient) started(name string, b *lifeBox) {
	b.starts++
	b.state = "running"
	if !b.long {
		c.ended(name, b, "3")
	}
}

// ended waits for the end, which must be one of these.
func (c *lifeClient) ended(name string, b *lifeBox, status ...string) {
	b.state, b.status = "exited", status
	out, code := c.run("wait " + name)
	if got := strings.TrimSpace(out); code != 0 || !slices.Contains(status, got) {
		c.fail("wait %s: status %d, %q, want one of %q", name, code, out, status)
	} else {
		b.status = []string{got}
	}
}

// about runs a verb about a container that is there.
func (c *lifeClient) about(name, verb string, b *lifeBox) {
	line := verb + " " + name
	running := b.state == "running"
	only := func() int { // the status of verbs that are about running ones
		if running {
			return 0
		}
		return 125
	}
	switch verb {
	case "start":
		if c.expect(0, line) && !running {
			c.started(name, b)
		}
	case "restart -t 0":
		if c.expect(0, line) {
			c.started(name, b)
		}
	case "stop -t 1", "stop -t 0":
		if c.expect(0, line) && running {
			c.ended(name, b, "7", "137")
		}
	case "kill":
		if c.expect(only(), line) && running {
			c.ended(name, b, "137")
		}
	case "exec":
		word := fmt.Sprint(c.random.IntN(100))
		if !running {
			c.expect(125, line+" true")
		} else if out, status := c.run(line+" sh -c", "echo "+word+"; exit 9"); out != word+"\n" || status != 9 {
			c.fail("exec %s: status %d, %q", name, status, out)
		}
	case "wait":
		if !running {
			want := []string{"0"}
			if b.state == "exited" {
				want = b.status
			}
			if out, status := c.run(line); status != 0 || !slices.Contains(want, strings.TrimSpace(out)) {
				c.fail("wait %s: status %d, %q, want %q", name, status, out, want)
			}
		}
	case "inspect":
		out, status := c.run("inspect -f", "{{.State.Status}} {{.State.ExitCode}} {{.Name}}", name)
		want := []string{b.state + " 0 " + name + "\n"}
		if b.state == "exited" {
			want = nil
			for _, s := range b.status {
				want = append(want, "exited "+s+" "+name+"\n")
			}
		}
		if status != 0 || !slices.Contains(want, out) {
			c.fail("inspect %s: status %d, %q, want %q", name, status, out, want)
		}
	case "logs":
		out, status := c.run(line)
		lines := strings.Count(out, "up\n")
		if status != 0 || len(out) != 3*lines || lines > b.starts || !b.long && lines != b.starts {
			c.fail("logs %s: status %d, %q after %d starts", name, status, out, b.starts)
		}
	}
}

// ps shows the container as it is, once.
func (c *lifeClient) ps(name string, b *lifeBox) {
	out, status := c.run("ps -a --format {{.Names}}={{.State}} -f name=^" + name + "$")
	want := ""
	if b != nil {
		want = name + "=" + b.state + "\n"
	}
	if status != 0 || out != want {
		c.fail("ps of %s: status %d, %q, want %q", name, status, out, want)
	}
}

// The model must notice what is wrong.
func TestLifeModel(t *testing.T) {
	for _, tt := range []struct {
		box  *lifeBox
		verb string
	}{
		{nil, "start"}, {nil, "rm"}, {&lifeBox{state: "created"}, "kill"}, {&lifeBox{state: "created"}, "exec"}, {&lifeBox{state: "running", long: true}, "rm"},
		{&lifeBox{state: "exited", status: []string{"3"}}, "wait"}, {&lifeBox{state: "exited"}, "ps"}, {&lifeBox{state: "exited", starts: 1}, "logs"},
		{&lifeBox{state: "running", long: true}, "exec"}, {&lifeBox{state: "created"}, "inspect"}, {&lifeBox{state: "created"}, "create"},
	} {
		c := &lifeClient{boxes: map[string]*lifeBox{}, said: func(string) (string, int) { return "", 0 }} // all goes well, silently
		if c.random = newRandom(1); tt.box != nil {
			c.boxes["own0-0"] = tt.box
		}
		if c.verb("own0-0", tt.verb); c.wrong == "" {
			t.Errorf("%s of %+v: not noticed", tt.verb, tt.box)
		}
	}
}
