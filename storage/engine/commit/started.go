package commit

import (
	"maps"
	"slices"
	"strings"

	"coracle/storage/engine/imageconf"
)

// Started is how a container was started.
type Started struct {
	Command []string // given on the command line
	Args    []string // what was executed: entrypoint and command
	Env     []string
	Cwd     string
	User    string // given on the command line
	Labels  map[string]string
	Volumes []string
}

// Merge changes an image's configuration so that a container of it starts as this
// one did.
func (s Started) Merge(base imageconf.Config) imageconf.Config {
	c := base
	s.command(&c)
	s.env(&c)
	if s.User != "" {
		c.User = s.User
	}
	if s.Cwd != "" && (s.Cwd != "/" || base.WorkingDir != "") {
		c.WorkingDir = s.Cwd
	}
	if len(s.Labels) > 0 {
		c.Labels = maps.Clone(base.Labels)
		if c.Labels == nil {
			c.Labels = make(map[string]string)
		}
		maps.Copy(c.Labels, s.Labels)
	}
	if len(s.Volumes) > 0 {
		c.Volumes = maps.Clone(base.Volumes)
		if c.Volumes == nil {
			c.Volumes = make(map[string]struct{})
		}
		for _, v := range s.Volumes {
			c.Volumes[v] = struct{}{}
		}
	}
	return c
}

// command splits what was executed: what was not given as command is the
// entrypoint.
func (s Started) command(c *imageconf.Config) {
	own := slices.Concat(c.Entrypoint, c.Cmd)
	n := len(s.Args) - len(s.Command)
	switch {
	case len(s.Args) == 0 || len(s.Command) == 0 && slices.Equal(s.Args, own):
		return
	case len(s.Command) > 0 && n >= 0 && slices.Equal(s.Args[n:], s.Command):
		c.Entrypoint, c.Cmd = slices.Clone(s.Args[:n]), s.Command
	default: // --entrypoint, which drops the image's command
		c.Entrypoint, c.Cmd = s.Args, nil
	}
	if len(c.Entrypoint) == 0 {
		c.Entrypoint = nil
	}
}

// byLaunch are the variables that every launch sets, and that say nothing of the
// image.
func byLaunch() []string { return []string{"HOME", "HOSTNAME", "TERM", "container"} }

func (s Started) env(c *imageconf.Config) {
	has := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	}
	var env []string
	for _, kv := range s.Env {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.Contains(byLaunch(), name) || has(c.Env, name) {
			env = append(env, kv)
		}
	}
	if s.Env != nil {
		c.Env = env
	}
}
