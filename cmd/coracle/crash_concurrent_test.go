package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// pullers is how many processes use one store at once.
const pullers = 20

// TestConcurrent has 20 processes pull, run, commit and remove the same images
// for a while: 15 seconds, with CORACLE_CRASH=all (make crash) a minute. No error
// may come of it that is not the user's own, and nothing may be left.
func TestConcurrent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: makes users of its own")
	}
	theSuite.install(t)
	w := newCrashWorld(t)
	w.images()
	w.coracle(w.line("pull -q oci:img2"))
	length := 15 * time.Second
	if os.Getenv("CORACLE_CRASH") == "all" {
		length = time.Minute
	}
	var all sync.WaitGroup
	end := time.Now().Add(length)
	counts := make([]int, pullers)
	for n := range pullers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for time.Now().Before(end) && !t.Failed() {
				w.anything(n, random)
				counts[n]++
			}
		})
	}
	all.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	t.Logf("%d commands", total)
	w.coracle(w.line("system check"))
	w.coracle(w.line("rm -a -f"))
	w.coracle(w.line("system prune -a -f --volumes"))
	w.coracle(w.line("system check"))
	if left := w.s.wait(); len(left) > 0 {
		t.Errorf("left behind:\n  %s", strings.Join(left, "\n  "))
	}
	for _, line := range w.listing() {
		if regexp.MustCompile(`overlay/[0-9a-f]{64}|overlay/l/|overlay-images/[0-9a-f]|coracle/(scratch|trash|containers|incoming)/`).MatchString(line) {
			t.Errorf("left on disk: %s", line)
		}
	}
}

// ownErrors are those that the user's own commands make: what is in use, or gone
// since another command took it, or taken.
var ownErrors = regexp.MustCompile(`in use|is used by|has the name|no such (container|image|volume)|no image|is running|image not known|was removed|another program removed it|being made or removed just now|cannot open the changes of container|container [0-9a-f]{12}: open [^ ]*/containers/[^ ]*: no such file`)

// anything runs one command, any one.
func (w *crashWorld) anything(n int, random *rand.Rand) {
	run := "-v @busybox:/busybox:ro"
	box, made := fmt.Sprintf("box%d", random.IntN(5)), fmt.Sprintf("made:%d", random.IntN(5))
	lines := []string{
		"pull -q oci:img", "pull -q oci:img2", "load -q -i img.tar", "images -q", "system df",
		"run --rm " + run + " oci:img /busybox true", "run --rm " + run + " oci:img2 /busybox cat /top",
		"run --name " + box + " " + run + " oci:img /busybox touch /new", "run --rm --pull never " + run + " localhost/" + made + " /busybox true",
		"commit -q " + box + " " + made, "rm " + box, "rm -f " + box, "rmi " + made, "rmi -f " + made,
		"run --rm -v vol:/data " + run + " oci:img /busybox touch /data/x", "volume rm vol", "image prune -f",
	}
	if n == 0 {
		lines = append(lines, "system prune -f", "system check --quick")
	}
	line := lines[random.IntN(len(lines))]
	out, status := w.try(append([]string{filepath.Join(theSuite.real(), "coracle")}, w.line(line)...))
	if status == 128+9 && strings.Contains(line, "--name box") {
		return // killed by an rm -f
	}
	if status != 0 && !ownErrors.MatchString(out) {
		w.t.Errorf("coracle %s: status %d\n%s", line, status, out)
	}
}
