package intent

import (
	"path/filepath"
	"strings"
)

// Rootfs reads the positional argument of --rootfs, DIR[:O]. O means that the directory itself stays as it
// is and changes go to a layer above it.
func Rootfs(arg string) (dir string, overlay bool, err error) {
	dir, opt, has := strings.Cut(arg, ":")
	switch {
	case dir == "":
		return "", false, invalid("--rootfs", arg, "the directory is empty")
	case has && strings.HasPrefix(opt, "idmap"):
		return "", false, notYet("--rootfs DIR:idmap", "--rootfs "+dir+":O")
	case has && opt != "O":
		return "", false, invalid("--rootfs", arg, "DIR or DIR:O is wanted")
	}
	return filepath.Clean(dir), has, nil
}

// Check finds what is wrong with the options by themselves: values that do not parse and flags that
// exclude each other. It needs neither image nor host, so it can run before anything is fetched; [Build]
// runs it again.
func (o *Options) Check() error {
	for _, check := range []func(*Options) error{
		func(o *Options) error { return o.Fetch.check() },
		func(o *Options) error { return o.Group.check(&o.Limits) }, func(o *Options) error { _, err := LimitsOf(&o.Limits); return err },
		(*Options).checkWhat, (*Options).checkValues, (*Options).checkConflicts, (*Options).checkUserns,
		(*Options).checkLists, (*Options).checkVolumeFlags, (*Options).checkRestart,
		func(o *Options) error { return o.HealthFlags.check() },
	} {
		if err := check(o); err != nil {
			return err
		}
	}
	if _, _, err := parseModes(o); err != nil {
		return err
	}
	_, err := o.UsernsOf()
	return err
}

func (o *Options) checkWhat() error {
	if o.Name != "" {
		if err := ValidName(o.Name); err != nil {
			return err
		}
	}
	switch o.Pull {
	case "", "always", "missing", "never", "newer":
	default:
		return invalid("--pull", o.Pull, "known are always, missing, never and newer")
	}
	if args := o.positional(); len(args) > 0 && args[0] == "" {
		return fail(ErrInvalid, "the name of the image is empty").fix("coracle run … IMAGE COMMAND, or no argument at all for the built-in image")
	}
	p, err := o.WantPlatform()
	if err != nil || !o.Rootfs {
		return err
	}
	if o.Pull != "" {
		return conflict("--pull", "--rootfs", "a directory is not pulled")
	}
	if flag := o.Fetch.used(); flag != "" {
		return conflict(flag, "--rootfs", "a directory is not pulled")
	}
	if p.Explicit() {
		return conflict("--platform", "--rootfs", "a directory has no platform to choose")
	}
	if o.Image() == "" {
		return invalid("--rootfs", "", "the directory is missing: coracle run --rootfs DIR[:O] COMMAND")
	}
	_, _, err = Rootfs(o.Image())
	return err
}

func (o *Options) checkValues() error {
	if o.InitPath != "" {
		return fail(ErrUnsupported, "--init-path: the init of --init is built in, so that nothing of the host is trusted").fix("--init")
	}
	for _, check := range []func() error{o.checkSystemd, o.checkNotify} {
		if err := check(); err != nil {
			return err
		}
	}
	if logDrivers()[o.LogDriver] == nil && o.LogDriver != "" {
		return invalid("--log-driver", o.LogDriver, "k8s-file, json-file, journald, none and passthrough are possible")
	}
	if _, err := o.LogLimits(); err != nil {
		return err
	}
	if n := o.OOMScoreAdj; n != nil && (*n < -1000 || *n > 1000) {
		return fail(ErrInvalid, "invalid --oom-score-adj %d: -1000 to 1000 are possible", *n)
	}
	if o.PreserveFDs > 1<<16 {
		return fail(ErrInvalid, "invalid --preserve-fds %d: 65536 at most", o.PreserveFDs)
	}
	if o.Hostname != "" {
		if err := validHostname("--hostname", o.Hostname, 64); err != nil {
			return err
		}
	}
	if o.Domainname != "" {
		return validHostname("--domainname", o.Domainname, 64)
	}
	return nil
}

// checkConflicts is the table of flags that cannot stand together.
func (o *Options) checkConflicts() error {
	keep := false
	for _, g := range o.GroupAdd {
		keep = keep || g == "keep-groups"
	}
	if o.Replace && o.Name == "" {
		return fail(ErrConflict, "--replace needs --name: there is no telling which container to replace")
	}
	joined := len(o.Network) == 1 && strings.HasPrefix(o.Network[0], "container:")
	for _, c := range []struct {
		bad       bool
		a, b, why string
	}{
		{o.TTY && o.LogDriver == "passthrough", "--tty", "--log-driver passthrough", "a terminal of its own stands between"},
		{o.Detach && o.LogDriver == "passthrough", "--detach", "--log-driver passthrough", "there is nobody to pass output to"},
		{o.Detach && o.PreserveFDs > 0, "--detach", "--preserve-fds", "the caller does not stay"},
		{o.NoHosts && len(o.AddHost) > 0, "--no-hosts", "--add-host", "the image's /etc/hosts is left as it is"},
		{o.NoHosts && o.HostsFile != "", "--no-hosts", "--hosts-file", "the image's /etc/hosts is left as it is"},
		{joined && o.HostsFile != "", "--hosts-file", "--network container:", "/etc/hosts is the other container's"},
		{joined && len(o.AddHost) > 0, "--add-host", "--network container:", "/etc/hosts is the other container's"},
		{joined && len(o.DNS)+len(o.DNSSearch)+len(o.DNSOption) > 0, "--dns", "--network container:", "/etc/resolv.conf is the other container's"},
		{keep && len(o.GroupAdd) > 1, "--group-add keep-groups", "other --group-add", "the kernel lets an unprivileged user keep its groups or set new ones, not both"},
	} {
		if c.bad {
			return conflict(c.a, c.b, c.why)
		}
	}
	return nil
}

// checkUserns checks only how the flags of the user namespace go together; package userns reads them.
func (o *Options) checkUserns() error {
	maps := len(o.UIDMap)+len(o.GIDMap) > 0
	names := o.SubUIDName != "" || o.SubGIDName != ""
	set := o.Userns != "" && o.Userns != "private"
	switch {
	case set && maps:
		return conflict("--userns "+o.Userns, "--uidmap and --gidmap", "both say what the map is")
	case set && names:
		return conflict("--userns "+o.Userns, "--subuidname and --subgidname", "both say where the ids come from")
	case maps && names:
		return conflict("--uidmap and --gidmap", "--subuidname and --subgidname", "both say where the ids come from")
	}
	return nil
}

// checkLists runs the parsers of the flags that repeat, so that a slip in one is found before an image is
// fetched. What they give is thrown away; Build parses again, with the host at hand.
func (o *Options) checkLists() error {
	for _, l := range []struct {
		list  []string
		parse func(string) error
	}{
		{o.Volume, func(s string) error { _, err := parseVolume(s); return err }},
		{o.Mount, func(s string) error { _, err := parseMount(s); return err }},
		{o.Tmpfs, func(s string) error { _, _, err := parseTmpfs(s); return err }},
		{o.Device, func(s string) error { _, _, err := parseDevice(s); return err }},
		{o.AddHost, func(s string) error { _, _, err := parseAddHost(s); return err }},
		{o.Env, func(s string) error { _, _, _, err := cutKey("--env", s); return err }},
		{o.Label, func(s string) error { _, _, _, err := cutKey("--label", s); return err }},
		{o.Sysctl, func(s string) error { _, _, err := parseSysctl(s); return err }},
		{commas(o.TimeOffset), func(s string) error { _, _, err := parseTimeOffset(s); return err }},
		{o.Ulimit, func(s string) error {
			if s == "host" {
				return nil
			}
			_, _, err := parseUlimit(s)
			return err
		}},
	} {
		for _, s := range l.list {
			if err := l.parse(s); err != nil {
				return err
			}
		}
	}
	if _, err := parseSecurity(o.SecurityOpt, "/"); err != nil {
		return err
	}
	if _, err := mergeCaps(o.CapAdd, o.CapDrop, o.Privileged, -1); err != nil {
		return err
	}
	if _, err := parseUser("--user", o.User); err != nil {
		return err
	}
	_, err := parseSignal("--stop-signal", o.StopSignal)
	return err
}
