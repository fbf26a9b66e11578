package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How many clients run sequences of verbs at once, how many sequences there are,
// and how many verbs one has.
const (
	lifeClients   = 8
	lifeSequences = 1000
	lifeVerbs     = 10
)

// TestConcurrentLife has 8 clients run random verbs about containers, against a
// model. What a client does with names of its own has one right answer, whatever
// the others do; what all do with names that they share may fail, in ways that
// are explained by the others. In the end nothing may be left.
//
// A minute of it, with CORACLE_CRASH=all (make crash) all 1,000 sequences.
// CORACLE_SEED=N repeats the choices of an earlier test.
func TestConcurrentLife(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: makes users of its own")
	}
	theSuite.install(t)
	w := newCrashWorld(t)
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CORACLE_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		check(t, err)
	}
	t.Logf("CORACLE_SEED=%d", seed)
	w.coracle([]string{"run", "--rm", "coracle/base", "true"}) // unpacks the image
	end := time.Now().Add(time.Minute)
	if os.Getenv("CORACLE_CRASH") == "all" {
		end = time.Now().Add(time.Hour)
	}
	var next, verbs atomic.Int64
	var all sync.WaitGroup
	for n := range lifeClients {
		all.Go(func() {
			for !t.Failed() && time.Now().Before(end) {
				i := next.Add(1) - 1
				if i >= lifeSequences {
					return
				}
				c := &lifeClient{w: w, n: n, random: newRandom(seed + uint64(i)), boxes: map[string]*lifeBox{}}
				c.sequence()
				verbs.Add(int64(c.count))
				if c.wrong != "" {
					t.Errorf("sequence %d of CORACLE_SEED=%d: %s\n%s", i, seed, c.wrong, strings.Join(c.history, "\n"))
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d sequences, %d verbs", min(next.Load(), lifeSequences), verbs.Load())
	w.coracle([]string{"rm", "-f", "-a"})
	if out := w.coracle([]string{"ps", "-aq"}); out != "" {
		t.Errorf("left: %s", out)
	}
	if left := w.s.wait(); len(left) > 0 {
		t.Errorf("left behind:\n  %s", strings.Join(left, "\n  "))
	}
	env := defaults("user", w.user.name, w.s.work, w.s.run)
	for _, dir := range []string{filepath.Join(env["XDG_DATA_HOME"], "coracle/containers"), filepath.Join(env["XDG_RUNTIME_DIR"], "coracle/control"), filepath.Join(env["XDG_RUNTIME_DIR"], "coracle/base")} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") { // locks that are made when first needed
				t.Errorf("left in %s: %s", dir, e.Name())
			}
		}
	}
}

// lifeClient is one of those who run verbs.
type lifeClient struct {
	w      *crashWorld
	n      int
	random *rand.Rand
	boxes  map[string]*lifeBox // its own containers, by name
	// said, when not nil, is what commands say instead of running.
	said    func(line string) (string, int)
	count   int
	history []string
	wrong   string
}

// sharedErrors are what a verb about a name that others use, too, may say.
var sharedErrors = regexp.MustCompile(`no such (container|object)|is not running|is running|has the name|name is in use|being made or removed just now|ended just now|does not answer|was killed|it is ending|is stopping|keeps no log|is about to|in use`)

// sequence runs verbs, most about names of its own, and removes those.
func (c *lifeClient) sequence() {
	for range lifeVerbs {
		if c.wrong != "" {
			return
		}
		if c.random.IntN(4) == 0 {
			c.shared()
		} else {
			c.own()
		}
	}
	for name := range c.boxes {
		c.verb(name, "rm -f")
	}
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// run runs one command and keeps what it said.
func (c *lifeClient) run(line string, more ...string) (out string, status int) {
	if c.said != nil {
		return c.said(line)
	}
	argv := append(append([]string{filepath.Join(theSuite.real(), "coracle")}, strings.Fields(line)...), more...)
	out, status = c.w.try(argv)
	c.count++
	c.history = append(c.history, fmt.Sprintf("  %s %q: %d %q", line, more, status, out))
	return out, status
}

func (c *lifeClient) fail(format string, args ...any) {
	if c.wrong == "" {
		c.wrong = fmt.Sprintf(format, args...)
	}
}

// shared runs a verb about a name that all clients use. Anything may have happened
// to it; what is said must fit one of the things that can.
func (c *lifeClient) shared() {
	name := fmt.Sprintf("shared%d", c.random.IntN(3))
	lines := []string{
		"run -d --name " + name + " coracle/base sleep 1000", "create --name " + name + " coracle/base sleep 1000", "run --rm --name " + name + " coracle/base true",
		"start " + name, "stop -t 0 " + name, "restart -t 0 " + name, "kill " + name, "rm " + name, "rm -f " + name, "exec " + name + " true",
		"ps -a --no-trunc", "inspect " + name, "logs " + name, "top " + name, "ns " + name, "rename " + name + " " + fmt.Sprintf("shared%d", c.random.IntN(3)),
	}
	line := lines[c.random.IntN(len(lines))]
	out, status := c.run(line)
	switch {
	case status == 0, status == 1 && strings.HasPrefix(line, "rm "):
	case status == 137 && (strings.HasPrefix(line, "exec ") || strings.HasPrefix(line, "run --rm")): // killed by another
		return
	case status != 125:
		c.fail("%s: status %d: %s", line, status, out)
	}
	if status != 0 && !sharedErrors.MatchString(out) {
		c.fail("%s: status %d: unexplained: %s", line, status, out)
	}
}
