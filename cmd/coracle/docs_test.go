package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestDocs types the commands of the guides. In a block marked console, a line
// that begins with "$ " is a command, and the lines below it are what it prints,
// "…" standing for anything. A guide is one script: its commands run one after
// the other, in one directory, and each must succeed.
func TestDocs(t *testing.T) {
	theSuite.install(t)
	dir := t.TempDir()
	guides, err := filepath.Glob("../../docs/*.md")
	check(t, err)
	n := 0
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		check(t, err)
		steps := consoleSteps(string(text))
		if len(steps) == 0 {
			continue
		}
		n += len(steps)
		name := strings.TrimSuffix(filepath.Base(guide), ".md") + ".txtar"
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(guideScript(steps)), 0o644))
	}
	if n == 0 {
		t.Fatal("no guide has a command")
	}
	testscript.Run(t, testscript.Params{Dir: dir, Setup: setup, Condition: condition, Cmds: scriptCommands(), RequireExplicitExec: true})
}

// consoleStep is a command of a guide and what it prints; no lines for whatever.
type consoleStep struct {
	command string
	output  []string
}

func consoleSteps(guide string) (steps []consoleStep) {
	inside := false
	for line := range strings.Lines(guide) {
		line = strings.TrimRight(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case inside && isCommand:
			steps = append(steps, consoleStep{command: command})
		case inside && len(steps) > 0:
			last := &steps[len(steps)-1]
			last.output = append(last.output, line)
		}
	}
	return steps
}

// guideScript writes the steps as a testscript.
func guideScript(steps []consoleStep) string {
	var script, files strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&script, "# %s\nasuser sh step%d\n", s.command, i)
		if len(s.output) > 0 {
			fmt.Fprintf(&script, "stdout '%s'\n", strings.ReplaceAll(outputPattern(s.output), "'", "''"))
		}
		fmt.Fprintf(&files, "-- step%d --\n%s\n", i, s.command)
	}
	return script.String() + files.String()
}

// outputPattern matches what a step is to print, whole.
func outputPattern(lines []string) string {
	quoted := make([]string, len(lines))
	for i, line := range lines {
		quoted[i] = strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
	}
	return `\A` + strings.Join(quoted, `\n`) + `\n?\z`
}

func TestConsoleSteps(t *testing.T) {
	steps := consoleSteps("x\n```console\n$ a b\none\ntwo…\n$ c\n```\n$ not\n```sh\n$ nor\n```\n")
	if len(steps) != 2 || steps[0].command != "a b" || strings.Join(steps[0].output, "|") != "one|two…" || steps[1].output != nil {
		t.Fatalf("%+v", steps)
	}
	if re := regexp.MustCompile(outputPattern(steps[0].output)); !re.MatchString("one\ntwo more\n") || re.MatchString("one\n") || re.MatchString("one\ntwo\nthree\n") {
		t.Errorf("pattern %s", re)
	}
}
