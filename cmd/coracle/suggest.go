package main

import (
	"fmt"
	"slices"
	"strings"

	"coracle/cmd/internal/verbs"
)

// unknownCommand is the error for words that are no command, with the command that
// was perhaps meant. group is the noun that they begin with, "" for none.
func unknownCommand(group string, args []string) error {
	typed, fix := args[0], "coracle help"
	if group != "" {
		typed, fix = args[1], "coracle "+group+" --help"
	}
	var names []string
	for _, v := range own {
		names = append(names, v.name)
	}
	for _, v := range verbs.Store() {
		names = append(names, v.Path)
	}
	what := strings.TrimSpace(group + " " + typed)
	if near := nearest(typed, wordsAfter(group, names)); near != "" {
		near = strings.TrimSpace(group + " " + near)
		return fmt.Errorf("unknown command %q, did you mean %q?\n  fix: coracle %s --help", what, near, near)
	}
	return fmt.Errorf("unknown command %q\n  fix: %s", what, fix)
}

// wordsAfter are the words with which commands go on after a noun, or begin.
func wordsAfter(group string, names []string) (words []string) {
	for _, name := range names {
		rest, ok := name, true
		if group != "" {
			rest, ok = strings.CutPrefix(name, group+" ")
		}
		if word, _, _ := strings.Cut(rest, " "); ok && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// nearest is the word that typed was most likely meant to be, "" when none is
// near: every third letter may be wrong, and one of two or three.
func nearest(typed string, words []string) (near string) {
	least := max(len(typed)/3, 1) + 1
	if len(typed) < 2 || len(typed) > 40 {
		return ""
	}
	for _, w := range words {
		if d := distance(typed, w); d < least {
			near, least = w, d
		}
	}
	return near
}

// distance counts the letters to add, drop, change or swap with the next to make b
// of a (optimal string alignment, a kind of Damerau-Levenshtein distance).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := range len(a) {
		before, last, now := rows[0], rows[1], rows[2]
		now[0] = i + 1
		for j := range len(b) {
			changed := last[j]
			if a[i] != b[j] {
				changed++
			}
			now[j+1] = min(changed, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		rows = [3][]int{last, now, before}
	}
	return rows[1][len(b)]
}
