//go:build containers_image_openpgp

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// readPassword asks on the terminal, without echo.
func readPassword(prompt string) (string, error) {
	if !term.IsTerminal(0) {
		return "", errors.New("no password was given, and standard input is no terminal to ask on\n  fix: --password-stdin")
	}
	fmt.Fprint(os.Stderr, prompt)
	password, err := term.ReadPassword(0)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	return string(password), nil
}

// readLine asks on the terminal; an empty answer is the proposal.
func readLine(prompt, proposal string) (string, error) {
	if !term.IsTerminal(0) {
		return "", errors.New("no user name was given, and standard input is no terminal to ask on\n  fix: --username NAME")
	}
	if proposal != "" {
		prompt += " (" + proposal + ")"
	}
	fmt.Fprint(os.Stderr, prompt+": ")
	line, err := bufio.NewReaderSize(os.Stdin, 1<<10).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("cannot read from the terminal: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return proposal, nil
	}
	return line, nil
}
