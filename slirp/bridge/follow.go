package bridge

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
	"coracle/slirp/link"
)

// follower is a keeper at work: it follows the host's devices, which come, go and get
// other names.
type follower struct {
	Keeper
	rules *nft.Conn
	// seen are the devices of the last look, guarded what the guard was made of; nil
	// before the first.
	seen    map[int]string
	guarded []Setting
}

// look switches on what is new: it is noted first, then guarded. What it has switched
// on before it leaves alone, if somebody has switched it off.
func (f *follower) look() error {
	now, err := devices()
	if err != nil {
		return err
	}
	before, _ := f.record() // at first of one that was killed, or none
	old := f.seen
	if old == nil {
		old = now
	}
	list := moved(before, old, now)
	var fresh []string
	for _, index := range slices.Sorted(maps.Keys(now)) {
		if f.seen == nil || f.seen[index] != now[index] {
			fresh = append(fresh, now[index])
		}
	}
	missing := off(fresh, f.Six)
	add := missing
	if f.seen == nil {
		add = append(global(), missing...)
	}
	for _, s := range add {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	if f.seen == nil || !slices.Equal(list, before) {
		if err := f.write(list); err != nil {
			return err
		}
	}
	if err := f.protect(list); err != nil {
		return err
	}
	if err := write(missing, func(Setting) string { return "1" }); err != nil {
		return err
	}
	f.seen = now
	return nil
}

// protect makes the guard, or makes it anew. Where somebody has made the host a router
// meanwhile, nothing is forwarded because of us.
func (f *follower) protect(list []Setting) error {
	guarded := slices.DeleteFunc(slices.Clone(list), func(s Setting) bool {
		return slices.Contains([]string{"all", "default", Device}, s.device())
	})
	for _, s := range list {
		if s.device() == "all" && !isOff(s.Path) {
			guarded = slices.DeleteFunc(guarded, func(g Setting) bool { return g.six() == s.six() })
		}
	}
	switch {
	case f.guarded == nil:
		if err := add(f.rules, guard(guarded)); err != nil {
			return err
		}
	case !slices.Equal(guarded, f.guarded):
		var b nft.Batch
		b.Remove(guardTable)
		b.Add(guard(guarded))
		if err := f.rules.Apply(&b); err != nil {
			return explain(err)
		}
	}
	f.guarded = append([]Setting{}, guarded...)
	return nil
}

// moved is a record after devices have gone or have got other names.
func moved(record []Setting, old, now map[int]string) (list []Setting) {
	byName := map[string]int{}
	for index, name := range old {
		byName[name] = index
	}
	for _, s := range record {
		if d := s.device(); d != "all" && d != "default" {
			name := now[byName[d]] // the kernel numbers them from 1 on
			if name == "" {
				continue
			}
			s = s.of(name)
		}
		list = append(list, s)
	}
	return list
}

// devices are the host's, but for ours, by their numbers.
func devices() (map[int]string, error) {
	c, err := link.Dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.List()
	if err != nil {
		return nil, fmt.Errorf("cannot see which devices there are: %w", err)
	}
	all := map[int]string{}
	for _, d := range list {
		if d.Name != Device && d.Name != "lo" {
			all[d.Index] = d.Name
		}
	}
	return all, nil
}

// listen is told of devices that come and go, and of what is switched on and off.
func listen() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	const groups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_NETCONF-1) | 1<<(unix.RTNLGRP_IPV6_NETCONF-1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("cannot listen to devices: %w", err)
	}
	return fd, nil
}

// wait returns when something has happened, and takes what has happened with it since.
func wait(events int) error {
	b := make([]byte, 32<<10)
	for flags := 0; ; {
		switch _, _, err := unix.Recvfrom(events, b, flags); err {
		case nil, unix.ENOBUFS: // some were lost
			flags = unix.MSG_DONTWAIT
		case unix.EAGAIN:
			return nil
		case unix.EINTR:
		default:
			return fmt.Errorf("cannot listen to devices: %w", err)
		}
	}
}
