package launcher

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
	"coracle/slirp"
)

// driver is a helper program that connects a container's network namespace in the
// place of slirp. It is the supervisor's child, confines itself, and dies with it.
type driver struct {
	// args are the whole command line for the namespace of process pid; api is where
	// requests are sent to.
	args func(d []string, pid int, ports []slirp.Port, api string) []string
	// ready is the descriptor on which it says that the network is there.
	ready int
	// publish leads ports in once it runs; nil where args did.
	publish func(api string, ports []slirp.Port) error
}

// readyTime bounds how long a helper may take to make the network.
const readyTime = 30 * time.Second

// mostSaid is how many lines of a helper's are shown; its usage comes after the first.
const mostSaid = 2

// driverOf knows how the programs differ.
func driverOf(name string) driver {
	if name == "slirp4netns" {
		return driver{ready: 3, publish: forwardAll, args: func(d []string, pid int, ports []slirp.Port, api string) []string {
			d = append(d, "--ready-fd=3")
			if len(ports) > 0 {
				d = append(d, "--api-socket="+api)
			}
			return append(d, strconv.Itoa(pid), slirp.Device)
		}}
	}
	// pasta writes its pid when everything is there. It closes descriptors that it
	// does not know, so this is its standard output.
	return driver{ready: 1, args: func(d []string, pid int, ports []slirp.Port, _ string) []string {
		return append(append(d, pastaPorts(ports)...), "--foreground", "--pid", "/dev/stdout", strconv.Itoa(pid))
	}}
}

// pastaPorts are ports as pasta(1) has them: [ADDRESS/]HOST:CONTAINER.
func pastaPorts(ports []slirp.Port) (args []string) {
	for _, p := range [...]struct{ option, protocol string }{{"-t", "tcp"}, {"-u", "udp"}} {
		before := len(args)
		for _, port := range ports {
			if port.Protocol != p.protocol {
				continue
			}
			s := strconv.Itoa(int(port.HostPort)) + ":" + strconv.Itoa(int(port.ContainerPort))
			if port.HostIP.IsValid() && !port.HostIP.IsUnspecified() {
				s = port.HostIP.String() + "/" + s
			}
			args = append(args, p.option, s)
		}
		if len(args) == before {
			args = append(args, p.option, "none")
		}
	}
	return args
}

// describeDriver says in the request which helper connects the container.
func (r *request) describeDriver(d *intent.Driver) {
	if d == nil {
		return
	}
	r.Driver = append([]string{d.Name, d.Program}, d.Args...)
	for _, p := range d.Ports {
		r.Ports = append(r.Ports, p.String())
	}
}

// helper is a helper program that runs.
type helper struct {
	pidfd int
	gone  chan struct{} // closed when it was reaped
}

// startHelper starts the helper program for the first process's network namespace,
// and returns when the network is there.
func (s *supervisor) startHelper() error {
	name, program := s.req.Driver[0], s.req.Driver[1]
	var ports []slirp.Port
	for _, text := range s.req.Ports {
		list, err := slirp.ParsePorts(text)
		if err != nil {
			return err
		}
		ports = append(ports, list...)
	}
	d := driverOf(name)
	api := fmt.Sprintf("%s/%s-%d", s.run, name, s.pid)
	_ = unix.Unlink(api) // a killed supervisor's that had the number
	args := d.args(append([]string{program}, s.req.Driver[2:]...), s.pid, ports, api)
	h, said, err := startDriver(args, d.ready)
	s.net.helper = h
	if err == nil && d.publish != nil && len(ports) > 0 {
		err = d.publish(api, ports)
		_ = unix.Unlink(api) // nobody else asks
	}
	if err != nil {
		return fmt.Errorf("cannot make the container's network: %s: %w%s\n  fix: --network slirp, which needs no helper", name, err, said)
	}
	return nil
}

// startDriver starts a helper, which dies with this thread, and waits until it is ready.
// What it had to say when it is not comes as lines of text.
func startDriver(args []string, ready int) (h *helper, said string, err error) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return nil, "", err
	}
	defer null.Close()
	text, err := unix.MemfdCreate("stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, "", err
	}
	messages := os.NewFile(uintptr(text), "stderr")
	defer messages.Close()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, "", err
	}
	defer unix.Close(pipe[0])
	files := []uintptr{null.Fd(), null.Fd(), uintptr(text), null.Fd()}
	files[ready] = uintptr(pipe[1])
	h = &helper{gone: make(chan struct{})}
	_, err = syscall.ForkExec(args[0], args, &syscall.ProcAttr{
		Dir: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Files: files,
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, PidFD: &h.pidfd},
	})
	unix.Close(pipe[1])
	if err != nil {
		return nil, "", err
	}
	if err = awaitReady(pipe[0]); err != nil {
		_, _ = messages.Seek(0, io.SeekStart)
		b, _ := io.ReadAll(io.LimitReader(messages, 1<<10))
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "syslog") && strings.Count(said, "\n") < mostSaid {
				said += "\n  " + line
			}
		}
	}
	return h, said, err
}

// awaitReady waits until a byte or the end is in a pipe.
func awaitReady(fd int) error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(readyTime/time.Millisecond))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("it is not ready after %s", readyTime)
		}
		if n, err := unix.Read(fd, make([]byte, 16)); err != nil || n == 0 {
			return errors.New("it ended")
		}
		return nil
	}
}

// stop kills it, and returns when it was reaped, which takes the time of closing a
// device.
func (h *helper) stop() {
	_ = unix.PidfdSendSignal(h.pidfd, unix.SIGKILL, nil, 0)
	_ = retry(func() error { return unix.Waitid(unix.P_PIDFD, h.pidfd, nil, unix.WEXITED, nil) })
	unix.Close(h.pidfd)
	close(h.gone)
}
