package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is a line of `go test -json`: go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Output     string
	Elapsed    float64
}

// result is one test.
type result struct {
	pkg, name string
	output    []string
	outcome   string // pass, fail or skip; "" when it never ended
	parent    bool   // has subtests, which count instead of it
}

// report gathers results.
type report struct {
	w      io.Writer
	tests  map[string]*result // by package and name
	order  []*result
	notes  map[string][]string // output outside of tests, by package
	broken int                 // packages that did not build or failed outside of tests
}

func newReport(w io.Writer) *report {
	return &report{w: w, tests: map[string]*result{}, notes: map[string][]string{}}
}

// lineLimit bounds one JSON line; go test cuts output into far shorter ones.
const lineLimit = 16 << 20

func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, lineLimit)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			// go itself, before any test runs.
			fmt.Fprintln(r.w, lines.Text())
			continue
		}
		r.add(e)
	}
	return lines.Err()
}

func (r *report) add(e event) {
	switch {
	case e.Action == "build-output":
		r.notes[e.ImportPath] = append(r.notes[e.ImportPath], e.Output)
	case e.Action == "build-fail":
		r.broken++
		fmt.Fprintf(r.w, "FAIL  %s does not build\n%s", e.ImportPath, strings.Join(r.notes[e.ImportPath], ""))
	case e.Test == "":
		r.addPackage(e)
	default:
		r.addTest(e)
	}
}

func (r *report) addTest(e event) {
	key := e.Package + "\x00" + e.Test
	t := r.tests[key]
	if t == nil {
		t = &result{pkg: e.Package, name: e.Test}
		r.tests[key] = t
		r.order = append(r.order, t)
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			// Names may hold slashes of their own: mark every prefix that is a test.
			for parent := e.Test[:i]; ; parent = parent[:i] {
				if p := r.tests[e.Package+"\x00"+parent]; p != nil {
					p.parent = true
					break
				}
				if i = strings.LastIndexByte(parent, '/'); i < 0 {
					break
				}
			}
		}
	}
	switch e.Action {
	case "output":
		t.output = append(t.output, e.Output)
	case "pass", "fail", "skip":
		t.outcome = e.Action
		if e.Action == "fail" && !t.parent {
			fmt.Fprintf(r.w, "FAIL  %s %s\n%s", t.pkg, t.name, strings.Join(t.output, ""))
		}
	}
}

// addPackage takes what belongs to a package and to none of its tests.
func (r *report) addPackage(e event) {
	switch e.Action {
	case "output":
		r.notes[e.Package] = append(r.notes[e.Package], e.Output)
	case "fail":
		fmt.Fprintf(r.w, "FAIL  %s (%.1f s)\n", e.Package, e.Elapsed)
		if !r.failedIn(e.Package) {
			// A panic, a time-out, or TestMain: no test is to blame.
			r.broken++
			fmt.Fprint(r.w, strings.Join(r.notes[e.Package], ""))
			r.showUnfinished(e.Package)
		}
	case "pass":
		fmt.Fprintf(r.w, "ok    %s (%.1f s)\n", e.Package, e.Elapsed)
	}
}

func (r *report) failedIn(pkg string) bool {
	return slices.ContainsFunc(r.order, func(t *result) bool { return t.pkg == pkg && t.outcome == "fail" })
}

func (r *report) showUnfinished(pkg string) {
	for _, t := range r.order {
		if t.pkg == pkg && t.outcome == "" {
			fmt.Fprintf(r.w, "FAIL  %s %s did not end\n%s", t.pkg, t.name, strings.Join(t.output, ""))
		}
	}
}

// finish prints the skips and the summary, and reports whether all is well.
func (r *report) finish(allowed []tag, has func(tag, []string) bool) bool {
	var passed, failed int
	var skips []*result
	for _, t := range r.order {
		switch {
		case t.parent && t.outcome != "skip" && (t.outcome == "pass" || r.childFailed(t)):
			// Its subtests are counted.
		case t.outcome == "pass":
			passed++
		case t.outcome == "skip":
			skips = append(skips, t)
		default:
			failed++
		}
	}
	wrong := r.showSkips(skips, allowed, has)
	failed += r.broken
	if wrong > 0 {
		fmt.Fprintf(r.w, "%d tests skipped that should run on this machine\n", wrong)
	}
	if passed == 0 {
		fmt.Fprintln(r.w, "no test ran")
	}
	fmt.Fprintf(r.w, "%d passed, %d failed, %d skipped\n", passed, failed+wrong, len(skips)-wrong)
	return failed+wrong == 0 && passed > 0
}

func (r *report) childFailed(parent *result) bool {
	return slices.ContainsFunc(r.order, func(t *result) bool {
		return t.pkg == parent.pkg && strings.HasPrefix(t.name, parent.name+"/") && t.outcome != "pass" && t.outcome != "skip"
	})
}

func (r *report) showSkips(skips []*result, allowed []tag, has func(tag, []string) bool) (wrong int) {
	for _, t := range skips {
		reason := reasonOf(t.output, allowed)
		verdict := "skip"
		if why := judge(reason, allowed, has); why != "" {
			verdict, reason = "FAIL", reason+" ("+why+")"
			wrong++
		}
		fmt.Fprintf(r.w, "%s  %s %s: %s\n", verdict, strings.TrimPrefix(t.pkg, "coracle/"), t.name, reason)
	}
	return wrong
}
