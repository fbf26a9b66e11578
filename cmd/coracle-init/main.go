// One quiet thread is enough: do not follow changes of the cgroup's CPU limit,
// which keeps a file open and looks at it every second (Go 1.25).
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Coracle-init is pid 1 of containers started with --init.
//
//	coracle-init -- COMMAND [ARGUMENT…]
//
// It starts the command, passes signals on to it, reaps whatever processes
// are left to it, and ends when the command does, with its exit status, or 128
// and the number of the signal that killed it. 127 says that there is no such
// command, 126 that it cannot be executed, 125 that the program itself failed.
//
// It does what tini and catatonit do, and like them it stays small: it is
// copied into memory at every start of such a container. So it links neither
// fmt nor anything else that it can do without.
//
// Build it with -trimpath -ldflags="-s -w" -gcflags=all=-l: not inlining saves
// 50 kB.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

const (
	exitFailed        = 125
	exitNotExecutable = 126
	exitNotFound      = 127
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fail(exitFailed, "no command\n  usage: coracle-init -- COMMAND [ARGUMENT…]")
	}
	// From here on nothing is lost: what comes before there is a command waits.
	signals := make(chan os.Signal, 128)
	signal.Notify(signals)
	pid := start(args)
	go forward(signals, pid)
	os.Exit(reap(pid))
}

func fail(status int, message string) {
	_, _ = syscall.Write(2, []byte("coracle-init: "+message+"\n"))
	os.Exit(status)
}
