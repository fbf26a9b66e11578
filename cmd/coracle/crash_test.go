package main_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A crash is what is killed, and how one knows that all is well afterwards.
type crash struct {
	name string
	// before is the state to start from: command lines of coracle.
	before []string
	op     string
	// again is the next command, and what follows it: all must succeed, whatever
	// the kill left. After them, and a prune, the disk must look as it does when
	// nothing was killed.
	again []string
}

// crashes are the operations. The images are img, of two layers, and img2, which
// shares one with it.
func crashes() []crash {
	return []crash{
		{"pull", nil, "pull -q oci:img", []string{"pull -q oci:img"}},
		{"pull_more", []string{"pull -q oci:img"}, "pull -q oci:img2", []string{"pull -q oci:img2"}},
		{"load", nil, "load -q -i img.tar", []string{"load -q -i img.tar"}},
		{"run_pull", nil, "run --rm -v @busybox:/busybox:ro oci:img /busybox true", []string{"run --rm -v @busybox:/busybox:ro oci:img /busybox true"}},
		{"run", []string{"pull -q oci:img"}, "run --rm -v @busybox:/busybox:ro oci:img /busybox true", []string{"run --rm -v @busybox:/busybox:ro oci:img /busybox true"}},
		{"run_keep", []string{"pull -q oci:img"}, "run --name box -v @busybox:/busybox:ro oci:img /busybox touch /new", []string{"rm -f -i box", "run --name box -v @busybox:/busybox:ro oci:img /busybox touch /new"}},
		{"run_volume", []string{"pull -q oci:img"}, "run --rm -v vol:/data -v @busybox:/busybox:ro oci:img /busybox touch /data/new", []string{"run --rm -v vol:/data -v @busybox:/busybox:ro oci:img /busybox touch /data/new"}},
		{"run_keep_id", []string{"pull -q oci:img"}, "run --rm --userns keep-id -v @busybox:/busybox:ro oci:img /busybox true", []string{"run --rm --userns keep-id -v @busybox:/busybox:ro oci:img /busybox true"}},
		{"rm", []string{"pull -q oci:img", "run --name box -v @busybox:/busybox:ro oci:img /busybox touch /new"}, "rm box", []string{"rm -i box"}},
		{"rmi", []string{"pull -q oci:img", "pull -q oci:img2"}, "rmi localhost/img", []string{"rmi -a -f"}},
		{"commit", []string{"pull -q oci:img", "run --name box -v @busybox:/busybox:ro oci:img /busybox touch /new"}, "commit -q box made:1", []string{"commit -q box made:1", "rm box", "system prune -a -f"}},
		{"prune", []string{"pull -q oci:img", "run --name box -v @busybox:/busybox:ro oci:img /busybox touch /new"}, "system prune -a -f", []string{"system prune -a -f"}},
	}
}

// TestCrash kills each operation before some of the system calls with which it
// changes something; with CORACLE_CRASH=all (make crash) before every one.
func TestCrash(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: a tracer that is not root takes newuidmap's privilege")
	}
	theSuite.install(t)
	for _, c := range crashes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t)
		})
	}
}

func (c crash) test(t *testing.T) {
	w := newCrashWorld(t)
	w.images()
	program := filepath.Join(theSuite.real(), "coracle")
	for _, line := range c.before {
		w.coracle(w.line(line))
	}
	saved := w.save()
	defer os.RemoveAll(saved)

	// What nobody disturbs.
	argv := append([]string{program}, w.line(c.op)...)
	dry := w.trace(traceJob{Argv: argv, List: true})
	if dry.Status != 0 || dry.Calls == 0 {
		t.Fatalf("undisturbed: status %d, %d calls\n%s", dry.Status, dry.Calls, dry.Output)
	}
	want := c.settle(w)
	if t.Failed() {
		return
	}

	step := crashStep(dry.Calls)
	for at := 1 + step/2; at <= dry.Calls; at += step {
		w.back(saved)
		killed := w.trace(traceJob{Argv: argv, At: at, All: (at/step)%3 == 0})
		where := "killed before call " + strconv.Itoa(at) + ", " + killed.Killed
		got := c.settle(w)
		if d := difference(want, got); d != "" {
			t.Errorf("%s: the disk differs:\n%s", where, d)
		}
		if t.Failed() {
			t.Fatalf("%s\n  output: %s", where, killed.Output)
		}
	}
	t.Logf("%d calls, every %d.", dry.Calls, step)
}

// settle does what a user does after a crash, and returns how the disk looks then.
func (c crash) settle(w *crashWorld) []string {
	w.t.Helper()
	for _, line := range c.again[:1] {
		w.coracle(w.line(line))
	}
	// What the crash left and the next command did not take away is found, and
	// can be mended.
	if _, status := w.try([]string{filepath.Join(theSuite.real(), "coracle"), "system", "check"}); status != 0 {
		w.coracle([]string{"system", "check", "--repair"})
	}
	w.coracle([]string{"system", "check"})
	for _, line := range c.again[1:] {
		w.coracle(w.line(line))
	}
	w.coracle([]string{"system", "check", "--quick"})
	if left := w.s.wait(); len(left) > 0 {
		w.t.Errorf("left behind:\n  %s", strings.Join(left, "\n  "))
	}
	return w.listing()
}

// crashPoints is about how often each operation is killed when not all is asked.
const crashPoints = 8

// crashStep is a prime, so that the calls met are not always of one kind in loops.
func crashStep(calls int) int {
	if os.Getenv("CORACLE_CRASH") == "all" {
		return 1
	}
	step := max(calls/crashPoints, 1)
	for ; step > 3; step++ {
		prime := true
		for d := 2; d*d <= step; d++ {
			prime = prime && step%d != 0
		}
		if prime {
			break
		}
	}
	return step
}

// difference lists lines that only one of two sorted lists has.
func difference(want, got []string) string {
	count := map[string]int{}
	for _, l := range want {
		count[l]--
	}
	for _, l := range got {
		count[l]++
	}
	var b strings.Builder
	for _, l := range append(want, got...) {
		switch {
		case count[l] > 0:
			b.WriteString("  too much: " + l + "\n")
		case count[l] < 0:
			b.WriteString("  missing:  " + l + "\n")
		}
		count[l] = 0
	}
	return b.String()
}

func TestDifference(t *testing.T) {
	if d := difference([]string{"a", "b"}, []string{"b", "a"}); d != "" {
		t.Error(d)
	}
	if d := difference([]string{"a", "b", "b"}, []string{"b", "c"}); d != "  missing:  a\n  missing:  b\n  too much: c\n" {
		t.Error(d)
	}
}

func TestCrashStep(t *testing.T) {
	t.Setenv("CORACLE_CRASH", "")
	for calls, want := range map[int]int{5: 1, 30: 3, 8 * 8: 11, 8 * 11: 11, 600: 79} {
		if got := crashStep(calls); got != want {
			t.Errorf("%d calls: step %d, want %d", calls, got, want)
		}
	}
	t.Setenv("CORACLE_CRASH", "all")
	if crashStep(600) != 1 {
		t.Error("not all")
	}
}
