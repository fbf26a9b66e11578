//go:build containers_image_openpgp

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// confirm asks a question on standard output and reads the answer from standard
// input, which need not be a terminal: "yes | coracle …" is an answer, too.
func confirm(ctx context.Context, text string) (bool, error) {
	fmt.Print(strings.TrimRight(text, "\n") + "\nAre you sure you want to continue? [y/N] ")
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() { // a read cannot be interrupted, this program can
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 100)).ReadString('\n')
		got <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Println()
		return false, errors.New("interrupted, nothing was removed")
	case a := <-got:
		word := strings.ToLower(strings.TrimSpace(a.line))
		if word == "" && a.err != nil {
			fmt.Println()
			return false, errNoAnswer
		}
		return word == "y" || word == "yes", nil
	}
}
