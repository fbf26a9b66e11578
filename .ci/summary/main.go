// Command summary reads the output of `go test -json` on standard input, shows
// what a person wants of it, and decides.
//
// It prints a line for each package, the output of failed tests, the skipped
// tests with their reasons, and last `N passed, N failed, N skipped`. It fails
// when a test failed, when no test ran, and when a test skipped that should
// have run here: a reason must begin with a tag of the file -allowed, which
// holds for each tag a command that succeeds on machines where such tests run.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	path := flag.String("allowed", ".ci/skips.allowed", "file of tags that may skip")
	flag.Parse()
	allowed, err := readAllowed(*path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(2)
	}
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(2)
	}
	if !r.finish(allowed, shell) {
		os.Exit(1)
	}
}
