package main

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// listen listens on an abstract Unix socket until it is killed.
func listen(args []string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: "@" + args[0]})
	}
	if err == nil {
		err = unix.Listen(fd, 8)
	}
	show(err, "listen")
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	<-c
}

// abstract connects to an abstract Unix socket.
func abstract(args []string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: "@" + args[0]})
	}
	show(err, "connect")
	fmt.Println("tried")
}
