package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// tag is a reason for which a test may skip. A test says it as
// t.Skip("tag: why") or, with arguments, t.Skip("tag arg…: why").
type tag struct {
	name    string
	command string // of sh; succeeds where such tests must run; gets the arguments as $1…
}

// readAllowed reads the file of tags: a tag, white space, its command. Lines
// that begin with # and empty lines say nothing.
func readAllowed(path string) ([]tag, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tags []tag
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.IndexAny(line, " \t")
		if i < 0 {
			return nil, fmt.Errorf("%s:%d: no command after %q", path, n+1, line)
		}
		tags = append(tags, tag{line[:i], strings.TrimSpace(line[i:])})
	}
	return tags, nil
}

// parseReason takes a reason apart. ok is false when it is not of the form.
func parseReason(reason string, allowed []tag) (t tag, args []string, ok bool) {
	head, _, found := strings.Cut(reason, ":")
	words := strings.Fields(head)
	if !found || len(words) == 0 {
		return tag{}, nil, false
	}
	for _, t := range allowed {
		if t.name == words[0] {
			return t, words[1:], true
		}
	}
	return tag{}, nil, false
}

// reasonOf finds why a test skipped: the message of its output, each of which
// begins `    file.go:12: `, that begins with a tag; else the last message.
func reasonOf(output []string, allowed []tag) string {
	last := "no reason given"
	for _, line := range output {
		file, message, ok := strings.Cut(strings.TrimSpace(line), ": ")
		name, number, isPosition := strings.Cut(file, ".go:")
		if !ok || !isPosition || name == "" || strings.Trim(number, "0123456789") != "" {
			continue
		}
		if _, _, ok := parseReason(message, allowed); ok {
			return message
		}
		last = message
	}
	return last
}

// judge says what is wrong with skipping for this reason, "" for nothing.
func judge(reason string, allowed []tag, has func(tag, []string) bool) string {
	t, args, ok := parseReason(reason, allowed)
	switch {
	case !ok:
		return "the reason begins with no tag of .ci/skips.allowed"
	case has(t, args):
		return "this machine can run it: " + t.command
	}
	return ""
}

// shell runs a tag's command.
func shell(t tag, args []string) bool {
	cmd := exec.Command("sh", append([]string{"-c", t.command, t.name}, args...)...)
	return cmd.Run() == nil
}
