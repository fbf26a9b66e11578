package usernet

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
	"coracle/slirp/networks"
	"coracle/storage"
)

// The tests happen in user and network namespaces of their own, where the test
// program runs again as insideName. Members are processes, which can be killed.
const (
	insideName = "usernet-test-inside"
	memberName = "usernet-test-member"
)

func TestMain(m *testing.M) {
	if os.Args[0] == memberName {
		if err := memberMain(os.Args[1:]); err != nil {
			fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func flags(users int, extra uintptr) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | extra,
		UidMappings: []syscall.SysProcIDMap{{HostID: users, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
}

// again runs a test inside.
func again(t *testing.T) (inside bool) {
	t.Helper()
	if os.Args[0] == insideName {
		return true
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{insideName, "-test.run=^" + t.Name() + "$", "-test.v"},
		Env: os.Environ(), SysProcAttr: flags(os.Getuid(), syscall.CLONE_NEWNET),
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// world is a user with two networks.
type world struct {
	t *testing.T
	Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t, Store{Run: t.TempDir(), Data: t.TempDir()}}
	for i, name := range []string{"red", "blue"} {
		p := networks.Params{Name: name, Subnets: []networks.Subnet{
			{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.8%d.0.0/24", i))}, {Prefix: netip.MustParsePrefix(fmt.Sprintf("fd00:%d::/64", i))},
		}}
		if _, err := (networks.Store{Dir: w.Data + "/" + networks.DirName}).Create(p); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// process is a member in a process of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	tell *os.File
	out  *bufio.Reader
	// first is what it said first: its addresses, or an error.
	first string
}

// begin starts a member and does not wait for it.
func (w *world) begin(attr *syscall.SysProcAttr, network, name string, args ...string) *process {
	w.t.Helper()
	in, tell, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	p := &process{t: w.t, tell: tell, cmd: &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{memberName, w.Run, w.Data, network, name}, args...), Stdin: in, Stderr: os.Stderr, SysProcAttr: attr,
	}}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	in.Close()
	w.t.Cleanup(func() { p.end() })
	return p
}

// join starts a member and waits until it is one.
func (w *world) join(network, name string, args ...string) *process {
	w.t.Helper()
	p := w.begin(nil, network, name, args...)
	p.hear()
	return p
}

func (p *process) hear() {
	line, _ := p.out.ReadString('\n')
	p.first = strings.TrimSpace(line)
}

// ask sends a line and returns the answer's.
func (p *process) ask(line string) string {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.tell, line); err != nil {
		p.t.Fatal(err)
	}
	answer, _ := p.out.ReadString('\n')
	return strings.TrimSpace(answer)
}

// reaches tells whether the member's container reaches an address.
func (p *process) reaches(address string) bool {
	p.t.Helper()
	return p.ask("ping "+address) == "yes"
}

// share opens the namespace of the member's container, which stays as long as that.
func (p *process) share() int {
	p.t.Helper()
	fd, err := unix.Open(p.ask("shared"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	return fd
}

// end lets it leave.
func (p *process) end() {
	p.tell.Close()
	_ = p.cmd.Wait()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// memberMain joins, and does what it is told until it is told no more.
func memberMain(args []string) error {
	s, network, name := Store{Run: args[0], Data: args[1]}, args[2], args[3]
	d, err := storage.Containers{Data: s.Data}.Create(storage.Params{Keep: true})
	if err != nil {
		return err
	}
	a := Ask{Network: network, ID: d.ID, Name: name, Dir: d.Path, Interface: "eth0", Aliases: args[4:]}
	if len(args) > 4 && strings.HasPrefix(args[4], "ip=") {
		a.IP4, a.Aliases = netip.MustParseAddr(args[4][3:]), nil
	}
	j, err := s.Join(a)
	if err != nil {
		return err
	}
	defer j.Leave()
	container, err := link.New(func(*link.Conn) error { return nil })
	if err != nil {
		return err
	}
	if err := j.Plug(container); err != nil {
		return err
	}
	fmt.Println(j.IP4, j.IP6, j.MAC, j.Holder.Ino)
	names := NewNames(s)
	names.Add(j)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		command, argument, _ := strings.Cut(in.Text(), " ")
		switch command {
		case "ping":
			answer := "no"
			_ = link.In(container, func(*link.Conn) error {
				if exec.Command("busybox", "ping", "-c", "1", "-W", "2", argument).Run() == nil {
					answer = "yes"
				}
				return nil
			})
			fmt.Println(answer)
		case "lookup":
			list, ok := names.Lookup(argument)
			fmt.Println(list, ok)
		case "reverse":
			name, ok := names.Reverse(netip.MustParseAddr(argument))
			fmt.Println(name, ok)
		case "again": // another run of the container
			old := container
			if container, err = link.New(func(*link.Conn) error { return nil }); err == nil {
				err = j.Plug(container)
			}
			unix.Close(old)
			fmt.Println("plugged", err)
		case "shared":
			fmt.Printf("/proc/%d/fd/%d\n", os.Getpid(), container)
		case "rename":
			fmt.Println("renamed", s.Rename(d.ID, argument))
		}
	}
	return nil
}
