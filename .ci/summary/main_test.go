package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var tags = []tag{{"root", "is-root"}, {"kernel", "kernel $1"}}

// only says that the machine has what these tags ask for.
func only(names ...string) func(tag, []string) bool {
	return func(t tag, args []string) bool {
		for _, n := range names {
			if n == strings.Join(append([]string{t.name}, args...), " ") {
				return true
			}
		}
		return false
	}
}

func ev(action, test, output string) string {
	return `{"Action":"` + action + `","Package":"p","Test":"` + test + `","Output":"` + output + `"}` + "\n"
}

func TestFinish(t *testing.T) {
	skip := func(reason string) string {
		return ev("run", "TestS", "") + ev("output", "TestS", `    s_test.go:7: `+reason+`\n`) +
			ev("output", "TestS", `--- SKIP: TestS (0.00s)\n`) + ev("skip", "TestS", "")
	}
	good := ev("run", "TestA", "") + ev("pass", "TestA", "")
	for _, c := range []struct {
		about, in string
		ok        bool
		last      string
		shows     string
	}{
		{"all pass", good + ev("pass", "", ""), true, "1 passed, 0 failed, 0 skipped", "ok    p"},
		{"nothing ran", ev("pass", "", ""), false, "0 passed, 0 failed, 0 skipped", "no test ran"},
		{"one fails", good + ev("run", "TestB", "") + ev("output", "TestB", `boo\n`) + ev("fail", "TestB", "") + ev("fail", "", ""),
			false, "1 passed, 1 failed, 0 skipped", "FAIL  p TestB\nboo"},
		{"subtests count", ev("run", "TestA", "") + ev("run", "TestA/x", "") + ev("run", "TestA/y/z", "") +
			ev("pass", "TestA/x", "") + ev("fail", "TestA/y/z", "") + ev("fail", "TestA", ""),
			false, "1 passed, 1 failed, 0 skipped", "TestA/y/z"},
		{"parent fails by itself", ev("run", "TestA", "") + ev("run", "TestA/x", "") + ev("pass", "TestA/x", "") + ev("fail", "TestA", ""),
			false, "1 passed, 1 failed, 0 skipped", ""},
		{"panic", ev("run", "TestA", "") + ev("output", "", `panic: oh\n`) + ev("fail", "", ""),
			false, "0 passed, 2 failed, 0 skipped", "panic: oh"},
		{"does not build", good + `{"Action":"build-output","ImportPath":"q","Output":"syntax\n"}` + "\n" + `{"Action":"build-fail","ImportPath":"q"}` + "\n",
			false, "1 passed, 1 failed, 0 skipped", "q does not build\nsyntax"},
		{"allowed skip", good + skip("root: needs two users"), true, "1 passed, 0 failed, 1 skipped", "skip  p TestS: root: needs two users"},
		{"allowed skip with argument", good + skip("kernel 6.7: x"), true, "1 passed, 0 failed, 1 skipped", ""},
		{"skip that should run", good + skip("kernel 5.1: x"), false, "1 passed, 1 failed, 0 skipped", "this machine can run it"},
		{"skip of no tag", good + skip("not today"), false, "1 passed, 1 failed, 0 skipped", "no tag"},
		{"skip without reason", good + ev("run", "TestS", "") + ev("skip", "TestS", ""), false, "1 passed, 1 failed, 0 skipped", "no reason"},
		{"not JSON", "go: downloading x\n" + good, true, "1 passed, 0 failed, 0 skipped", "go: downloading x"},
	} {
		t.Run(c.about, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			ok := r.finish(tags, only("kernel 5.1"))
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if last := lines[len(lines)-1]; ok != c.ok || last != c.last {
				t.Errorf("ok %v, last line %q", ok, last)
			}
			if !strings.Contains(out.String(), c.shows) {
				t.Errorf("%q is not in\n%s", c.shows, &out)
			}
		})
	}
}

func TestReasonOf(t *testing.T) {
	for _, c := range []struct {
		output []string
		want   string
	}{
		{nil, "no reason given"},
		{[]string{"=== RUN   TestX\n", "--- SKIP: TestX (0.00s)\n"}, "no reason given"},
		{[]string{"    a_test.go:9: root: why\n"}, "root: why"},
		// testscript logs the whole script after the reason.
		{[]string{"    t.go:1: root: why\n", "    t.go:600: WORK=/x\n", "        PATH=/y: z\n"}, "root: why"},
		{[]string{"    a_test.go:1: first\n", "    a_test.go:2: second\n"}, "second"},
	} {
		if got := reasonOf(c.output, tags); got != c.want {
			t.Errorf("%q: %q, want %q", c.output, got, c.want)
		}
	}
}

func TestReadAllowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "skips")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# comment\n\nroot\ttest 0 = 0\nnever   false\n")
	got, err := readAllowed(path)
	if err != nil || len(got) != 2 || got[0].command != "test 0 = 0" || got[1] != (tag{"never", "false"}) {
		t.Errorf("%v, %v", got, err)
	}
	if !shell(got[0], nil) || shell(got[1], nil) || !shell(tag{"k", `test "$1" = 7`}, []string{"7"}) {
		t.Error("commands are not run as written")
	}
	write("lonely\n")
	if _, err := readAllowed(path); err == nil {
		t.Error("a tag without a command passes")
	}
}

// The project's own file must be readable.
func TestOwnFile(t *testing.T) {
	if got, err := readAllowed("../skips.allowed"); err != nil || len(got) == 0 {
		t.Errorf("%v, %v", got, err)
	}
}
