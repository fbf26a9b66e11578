package imageconf

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ErrChange is in every error of [Apply].
var ErrChange = errors.New("--change cannot be applied")

// Bounds of what is applied, against archives of requests rather than people.
const (
	maxChange  = 64 << 10 // bytes of one change
	maxChanges = 1000
)

// instructions are what each keyword does to a configuration.
func instructions() map[string]func(*changing, string) error {
	return map[string]func(*changing, string) error{
		"CMD":        (*changing).cmd,
		"ENTRYPOINT": (*changing).entrypoint,
		"ENV":        (*changing).env,
		"EXPOSE":     (*changing).expose,
		"LABEL":      (*changing).label,
		"ONBUILD":    (*changing).onbuild,
		"STOPSIGNAL": (*changing).stopsignal,
		"USER":       (*changing).user,
		"VOLUME":     (*changing).volume,
		"WORKDIR":    (*changing).workdir,
	}
}

// changing is one run of Apply.
type changing struct {
	*Config
	cmdSet bool // by one of the changes
}

// Apply changes c by Dockerfile instructions, in their order. After an error,
// which is an ErrChange and names the instruction, c is as it was.
func Apply(c *Config, changes []string) error {
	if len(changes) > maxChanges {
		return fmt.Errorf("%w: %d changes are more than %d", ErrChange, len(changes), maxChanges)
	}
	// A copy that shares nothing: what goes wrong half-way must not show.
	copied, err := clone(c)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChange, err)
	}
	to := &changing{Config: copied}
	for _, change := range changes {
		if err := to.apply(change); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrChange, short(change), err)
		}
	}
	*c = *to.Config
	return nil
}

func clone(c *Config) (*Config, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	copied := new(Config)
	return copied, json.Unmarshal(data, copied)
}

func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (c *changing) apply(change string) error {
	if len(change) > maxChange {
		return fmt.Errorf("it is longer than %d bytes", maxChange)
	}
	keyword, rest := keywordOf(change)
	if keyword == "" {
		return errors.New("it is empty")
	}
	do, ok := instructions()[keyword]
	if !ok {
		return fmt.Errorf("unknown instruction %q\n  fix: one of CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR", keyword)
	}
	if strings.TrimSpace(rest) == "" {
		return fmt.Errorf("%s needs a value", keyword)
	}
	return do(c, strings.TrimSpace(rest))
}

// keywordOf takes "CMD x" apart, and podman's "CMD=x".
func keywordOf(change string) (keyword, rest string) {
	change = strings.TrimSpace(change)
	end := strings.IndexAny(change, " \t\n=")
	if end < 0 {
		return strings.ToUpper(change), ""
	}
	return strings.ToUpper(change[:end]), change[end+1:]
}

// execForm reads a JSON list of strings, or says that a command is for a shell.
func execForm(s string) []string {
	var words []string
	if strings.HasPrefix(s, "[") && json.Unmarshal([]byte(s), &words) == nil {
		return words
	}
	return nil
}

func command(s string) []string {
	if words := execForm(s); words != nil {
		return words
	}
	return []string{"/bin/sh", "-c", s}
}

func (c *changing) cmd(s string) error {
	c.Cmd, c.cmdSet = command(s), true
	return nil
}

// entrypoint drops an inherited CMD, which were arguments for another program.
func (c *changing) entrypoint(s string) error {
	c.Entrypoint = command(s)
	if !c.cmdSet {
		c.Cmd = nil
	}
	return nil
}

func (c *changing) env(s string) error {
	pairs, err := c.pairs(s)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		set := p[0] + "=" + p[1]
		i := slices.IndexFunc(c.Env, func(have string) bool { return strings.HasPrefix(have, p[0]+"=") || have == p[0] })
		if i < 0 {
			c.Env = append(c.Env, set)
		} else {
			c.Env[i] = set
		}
	}
	return nil
}

func (c *changing) label(s string) error {
	pairs, err := c.pairs(s)
	if err != nil {
		return err
	}
	if c.Labels == nil {
		c.Labels = make(map[string]string)
	}
	for _, p := range pairs {
		c.Labels[p[0]] = p[1]
	}
	return nil
}

func (c *changing) onbuild(s string) error {
	switch keyword, _, _ := strings.Cut(s, " "); strings.ToUpper(keyword) {
	case "ONBUILD", "FROM", "MAINTAINER":
		return fmt.Errorf("%s cannot be an ONBUILD", strings.ToUpper(keyword))
	}
	c.OnBuild = append(c.OnBuild, s)
	return nil
}

func (c *changing) user(s string) error {
	word, err := c.one(s)
	c.User = word
	return err
}

// workdir takes a relative directory from the one there was.
func (c *changing) workdir(s string) error {
	word, err := c.one(s)
	if err != nil {
		return err
	}
	c.WorkingDir = path.Join("/", c.WorkingDir, word)
	if path.IsAbs(word) {
		c.WorkingDir = path.Clean(word)
	}
	return nil
}

func (c *changing) volume(s string) error {
	paths := execForm(s)
	if paths == nil {
		var err error
		if paths, err = c.words(s); err != nil {
			return err
		}
	}
	for _, p := range paths {
		if !path.IsAbs(p) || path.Clean(p) == "/" {
			return fmt.Errorf("%q is no absolute directory below the root", p)
		}
		if c.Volumes == nil {
			c.Volumes = make(map[string]struct{})
		}
		c.Volumes[path.Clean(p)] = struct{}{}
	}
	return nil
}
