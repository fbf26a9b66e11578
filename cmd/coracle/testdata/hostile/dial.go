package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"time"
)

// serve tells a secret to who comes to any address of this machine, by TCP and UDP
// at one port, which it writes into a file; until it is killed.
func serve(args []string) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		show(err, "listen")
		return
	}
	port := l.Addr().(*net.TCPAddr).Port
	pc, err := net.ListenPacket("udp", ":"+strconv.Itoa(port))
	if err != nil {
		show(err, "listen")
		return
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "secret")
			c.Close()
		}
	}()
	go func() {
		b := make([]byte, 1)
		for {
			_, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo([]byte("secret"), from)
		}
	}()
	show(os.WriteFile(args[0], []byte(strconv.Itoa(port)), 0o644), "serve")
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	<-c
}

// dial goes to a port of each address, by TCP and UDP, and tells what it is told.
func dial(args []string) {
	for _, a := range args[1:] {
		for _, network := range []string{"tcp", "udp"} {
			c, err := net.DialTimeout(network, net.JoinHostPort(a, args[0]), time.Minute)
			if err != nil {
				show(err, network, a)
				continue
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			b := make([]byte, 16)
			_, err = c.Write([]byte("?"))
			n := 0
			if err == nil {
				n, err = c.Read(b)
			}
			fmt.Println(network, a, string(b[:n]), answer(err))
			c.Close()
		}
	}
}
