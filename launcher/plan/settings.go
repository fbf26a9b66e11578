package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// settings gives the new namespaces their values.
func (p *planner) settings() error {
	c := p.child
	if h := p.spec.Hostname; h != "" && p.isNew[specs.UTSNamespace] {
		c.do("its host name", tape.Sethostname, tape.Str(h), tape.Int(len(h)))
	}
	if d := p.spec.Domainname; d != "" && p.isNew[specs.UTSNamespace] {
		c.do("its NIS domain name", tape.Setdomainname, tape.Str(d), tape.Int(len(d)))
	}
	if p.isNew[specs.NetworkNamespace] {
		p.loopback()
	}
	keys := make([]string, 0, len(p.spec.Linux.Sysctl))
	for k := range p.spec.Linux.Sysctl {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		path := strings.ReplaceAll(k, ".", "/")
		if strings.Contains(k, "/") {
			path = k
		}
		if err := p.procWrite("sysctl "+k, "sys/"+path, p.spec.Linux.Sysctl[k]); err != nil {
			return err
		}
	}
	if adj := p.spec.Process.OOMScoreAdj; adj != nil {
		if err := p.procWrite("how soon the kernel kills it when memory is short", "self/oom_score_adj", strconv.Itoa(*adj)); err != nil {
			return err
		}
	}
	return p.timeOffsets()
}

// loopback brings lo up; the kernel gives it its addresses.
func (p *planner) loopback() {
	c := p.child
	s := c.get("to configure lo", tape.Socket, tape.Flags(unix.AF_INET, "AF_INET"), tape.Flags(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, "SOCK_DGRAM|SOCK_CLOEXEC"), tape.Int(0))
	ifreq := make([]byte, 40)
	copy(ifreq, "lo")
	ifreq[16] = unix.IFF_UP
	c.do("loopback works", tape.Ioctl, tape.From(s), tape.Flags(unix.SIOCSIFFLAGS, "SIOCSIFFLAGS"), tape.Bytes(ifreq, "{lo, IFF_UP}"))
}

// procWrite writes to a file of the procfs that this launch mounted: the
// descriptor is that file system's root, whatever lies at /proc in the image
// (CVE-2019-16884, CVE-2025-52881).
func (p *planner) procWrite(why, name, value string) error {
	if p.procfd == 0 {
		return fmt.Errorf("%s: the container has no /proc", why)
	}
	how := tape.Words(unix.O_WRONLY|unix.O_CLOEXEC, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS)
	fd := p.child.get(why, tape.Openat2, tape.From(p.procfd), tape.Str(name),
		tape.Bytes(how, "{O_WRONLY|O_CLOEXEC, RESOLVE_BENEATH|RESOLVE_NO_XDEV|RESOLVE_NO_MAGICLINKS}"), tape.Int(len(how)))
	p.child.do(why+" = "+strings.TrimSpace(value), tape.Write, tape.From(fd), tape.Bytes([]byte(value), strconv.Quote(value)), tape.Int(len(value)))
	p.child.positive()
	return nil
}

// timeOffsets makes a time namespace. The command enters it when it is executed
// (Linux 6.1; see time_namespaces(7)).
func (p *planner) timeOffsets() error {
	if !p.isNew[specs.TimeNamespace] {
		return nil
	}
	p.child.do("own clocks", tape.Unshare, tape.Flags(unix.CLONE_NEWTIME, "CLONE_NEWTIME"))
	var lines strings.Builder
	for _, clock := range []string{"monotonic", "boottime"} {
		if o, ok := p.spec.Linux.TimeOffsets[clock]; ok {
			fmt.Fprintf(&lines, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	return p.procWrite("clock offsets", "self/timens_offsets", lines.String())
}
