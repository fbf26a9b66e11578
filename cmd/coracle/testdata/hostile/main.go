// Command hostile is what an attacker would put into an image. The attack
// scripts run it in containers, and a few of its words outside. Every word prints
// what the kernel answered, and exits with 0: the script judges.
package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// words are the attacks.
var words = map[string]func(args []string){
	"abstract":  abstract,
	"catch":     catch,
	"chroot":    escapeChroot,
	"cwd":       cwd,
	"dial":      dial,
	"exe":       exe,
	"fds":       fds,
	"file":      file,
	"groups":    groups,
	"int80":     int80,
	"layer":     layer,
	"listen":    listen,
	"look":      look,
	"mount":     mount,
	"open":      open,
	"serve":     serve,
	"sockets":   sockets,
	"spy":       spy,
	"swap":      swap,
	"terminals": terminals,
	"type":      typeInto,
}

func main() {
	if len(os.Args) > 1 {
		if word, ok := words[os.Args[1]]; ok {
			word(os.Args[2:])
			return
		}
	}
	var names []string
	for name := range words {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintln(os.Stderr, "usage: hostile", strings.Join(names, "|"), "ARG…")
	os.Exit(2)
}

// answer is how an error is shown: the name of the errno.
func answer(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func show(err error, what ...any) { fmt.Println(append(what, answer(err))...) }
