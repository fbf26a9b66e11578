package intent

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/internal/capability"
)

// ExecOptions is what was asked on the command line of `exec`. See [Options] for
// how the tags work.
type ExecOptions struct {
	Argv []string `arg:"" optional:"" passthrough:"partial" name:"container command…" help:"Container, and the command to run in it."`

	Detach      bool     `short:"d" help:"Do not wait for the command."`
	Interactive bool     `short:"i" help:"Keep stdin open."`
	TTY         bool     `name:"tty" short:"t" help:"Allocate a terminal."`
	Privileged  bool     `help:"All of the container's own power."`
	User        string   `short:"u" placeholder:"USER[:GROUP]" help:"User to run as, by name or id."`
	Workdir     string   `short:"w" placeholder:"DIR" help:"Working directory."`
	Env         []string `short:"e" sep:"none" placeholder:"NAME[=VALUE]" help:"Set a variable; NAME or NAME* takes it from the host."`
	EnvFile     []string `sep:"none" placeholder:"FILE" help:"Read variables from a file."`
	DetachKeys  *string  `placeholder:"KEYS" help:"Keys that detach, \"\" for none."`
	PreserveFDs uint     `name:"preserve-fds" placeholder:"N" help:"Pass N more descriptors, from 3 on."`
	Explain     bool     `help:"Print the operations, and do nothing."`
}

// ExecInput is what [Exec] decides from.
type ExecInput struct {
	Options *ExecOptions
	Command []string
	Base    *specs.Spec // the running container's
	View    View        // its root file system
	Maps    Maps
	Host    *HostFacts
}

// Exec computes the process that joins a running container: what the command
// line says, and what the container's first process was started with for the
// rest, as docker does. It also returns the keys that detach.
func Exec(in ExecInput) (p *specs.Process, detach []byte, err error) {
	if len(in.Command) == 0 {
		return nil, nil, fail(ErrInvalid, "no command given").fix("coracle exec CONTAINER COMMAND")
	}
	o := in.Options
	b := &builder{
		Input: Input{Options: &Options{User: o.User, Env: o.Env, EnvFile: o.EnvFile, TTY: o.TTY, Workdir: o.Workdir, DetachKeys: o.DetachKeys}, View: in.View, Maps: in.Maps, Host: in.Host},
		spec:  &specs.Spec{Process: &specs.Process{}}, extra: &Extras{},
	}
	b.o = b.Options
	base := in.Base.Process
	*b.spec.Process = *base
	p = b.spec.Process
	p.Args, p.Terminal, p.ConsoleSize = in.Command, o.TTY, nil
	for _, a := range p.Args {
		if strings.IndexByte(a, 0) >= 0 {
			return nil, nil, fail(ErrInvalid, "the command holds a NUL byte: %q", a)
		}
	}
	if o.TTY {
		p.ConsoleSize = in.Host.Terminal
	}
	if o.User != "" {
		p.User = specs.User{Umask: base.User.Umask}
		if err := b.identity(); err != nil {
			return nil, nil, err
		}
	}
	if o.Workdir != "" {
		if p.Cwd, err = b.cwd(); err != nil {
			return nil, nil, err
		}
	}
	e := &environ{list: slices.Clone(base.Env)}
	if o.TTY && !e.has("TERM") {
		e.set("TERM=xterm")
	}
	if o.User != "" {
		e.set("HOME=" + b.home)
	}
	if err := b.hostEnv(e); err != nil {
		return nil, nil, err
	}
	p.Env = e.list
	p.Capabilities = &specs.LinuxCapabilities{}
	if c := base.Capabilities; c != nil {
		p.Capabilities.Bounding = c.Bounding
	}
	if p.User.UID == 0 {
		p.Capabilities.Effective, p.Capabilities.Permitted = p.Capabilities.Bounding, p.Capabilities.Bounding
	}
	if o.Privileged {
		all := slices.Clone(capability.Names[:min(in.Host.LastCap+1, len(capability.Names))])
		p.Capabilities = &specs.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all}
	}
	if err := b.stop(); err != nil {
		return nil, nil, err
	}
	return p, b.extra.DetachKeys, nil
}
