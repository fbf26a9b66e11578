package launcher

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/cgroup"
	"coracle/launcher/containers"
	"coracle/launcher/processes"
)

// Sample is what a container uses, and has used since it was started, at a moment.
type Sample struct {
	At time.Time
	// CPU is the time used in user space and in the kernel, System the latter.
	CPU, System time.Duration
	// Memory is in bytes; Limit is the memory there is for it: its limit, or the
	// host's memory.
	Memory, Limit uint64
	// Read and Written are bytes from and to block devices.
	Read, Written uint64
	// Received and Sent are bytes over its network interfaces.
	Received, Sent uint64
	// PIDs is how many processes and threads there are.
	PIDs uint64
	// Why says of values that cannot be known, which are zero, why.
	Why map[string]string

	has cgroup.Usage
}

// The keys of [Sample.Why].
const (
	WhyIO     = "io"
	WhyNet    = "net"
	WhyShared = "all" // the values are not the container's alone
)

// Samples are what running containers use now, by id. What a control group of the
// container's own counts is taken from there; the rest is summed over the processes
// in its pid namespace, by one look at /proc for all containers.
func (c *Containers) Samples(list []*containers.Container) (map[string]Sample, error) {
	host, hostNet := hostMemory(), containers.Namespaces(0)["net"]
	samples := make(map[string]Sample)
	var summed []*containers.Container
	for _, x := range list {
		if x.PID == 0 {
			continue
		}
		s := Sample{At: time.Now(), Limit: host, Why: make(map[string]string)}
		if s.count(x) {
			summed = append(summed, x)
		}
		if containers.Namespaces(x.PID)["net"] == hostNet {
			s.Why[WhyNet] = "it uses the host's network, which does not count for it"
		} else if in, out, err := processes.Traffic(x.PID); err != nil {
			s.Why[WhyNet] = err.Error()
		} else {
			s.Received, s.Sent = in, out
		}
		samples[x.ID] = s
	}
	if len(summed) > 0 {
		if err := c.sum(samples, summed); err != nil {
			return nil, err
		}
	}
	for _, x := range list {
		if x.PID != 0 && containers.StartTime(x.PID) != x.Start {
			delete(samples, x.ID) // it has ended meanwhile
		}
	}
	return samples, nil
}

// count takes what the container's control group counts; more tells that something
// is lacking.
func (s *Sample) count(x *containers.Container) (more bool) {
	group, err := cgroup.OfContainer(x.ID, x.PID)
	if err != nil {
		return true
	}
	u := group.Usage()
	s.CPU, s.System, s.Memory, s.Read, s.Written, s.PIDs = u.CPU, u.System, u.Memory, u.Read, u.Written, u.PIDs
	if u.Limit != 0 && u.Limit < s.Limit {
		s.Limit = u.Limit
	}
	s.has = u
	return !u.HasCPU || !u.HasMemory || !u.HasIO || !u.HasPIDs
}

// sum completes samples from the containers' processes.
func (c *Containers) sum(samples map[string]Sample, list []*containers.Container) error {
	own := processes.Namespace(0)
	var namespaces []uint64
	for _, x := range list {
		if ns := processes.Namespace(x.PID); ns != 0 && ns != own {
			namespaces = append(namespaces, ns)
		}
	}
	members, err := processes.Members(namespaces...)
	if err != nil {
		return err
	}
	everybody, err := c.List()
	if err != nil {
		return err
	}
	for _, x := range list {
		ns, s := processes.Namespace(x.PID), samples[x.ID]
		pids := members[ns]
		if ns == own {
			family, err := processes.List(x.PID)
			if err != nil {
				continue // it has ended
			}
			for _, p := range family {
				pids = append(pids, p.HostPID)
			}
		}
		var with []string
		for _, other := range everybody {
			if ns != own && other.ID != x.ID && other.PID != 0 && processes.Namespace(other.PID) == ns {
				with = append(with, other.Name)
			}
		}
		if len(with) > 0 {
			s.Why[WhyShared] = "its numbers are those of all in the pid namespace that it shares with " + strings.Join(with, ", ")
		}
		s.complete(processes.Sum(pids))
		samples[x.ID] = s
	}
	return nil
}

// complete takes from the processes what no control group has counted.
func (s *Sample) complete(u processes.Use) {
	if !s.has.HasCPU {
		s.CPU, s.System = u.CPU, u.System
	}
	if !s.has.HasMemory {
		s.Memory = u.Memory
	}
	if !s.has.HasPIDs {
		s.PIDs = u.Threads
	}
	if !s.has.HasIO {
		s.Read, s.Written = u.Read, u.Written
		if u.NoIO {
			s.Why[WhyIO] = "what its processes read and write is not shown to this user"
		}
	}
}

// hostMemory is all memory of the host, in bytes.
func hostMemory() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}
