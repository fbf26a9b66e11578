package intent

import (
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// security is --security-opt, parsed.
type security struct {
	mask, unmask []string
	procOpts     []string
	seccomp      string // "" when not asked for
	noNewPrivs   bool
}

// parseSecurity reads all --security-opt values; a seccomp profile is found from cwd. Docker's old spelling with a colon is accepted, as podman
// does. What is not known here is an error: a security option that is dropped is a hole.
func parseSecurity(opts []string, cwd string) (s security, err error) {
	for _, opt := range opts {
		sep := "="
		if !strings.Contains(opt, "=") {
			sep = ":"
		}
		key, val, has := strings.Cut(opt, sep)
		if !has && key != "no-new-privileges" {
			return s, invalid("--security-opt", opt, "it has no value")
		}
		switch key {
		case "no-new-privileges":
			s.noNewPrivs = true
			if has {
				if s.noNewPrivs, err = strconv.ParseBool(val); err != nil {
					return s, invalid("--security-opt", opt, "true or false is wanted")
				}
			}
		case "seccomp":
			if s.seccomp != "" {
				return s, fail(ErrConflict, "--security-opt seccomp= was given twice")
			}
			switch val {
			case "":
				return s, invalid("--security-opt", opt, "the profile is empty")
			case "builtin", "default": // docker's word for its own profile
				s.seccomp = "default"
			case "unconfined":
				s.seccomp = val
			default:
				if !filepath.IsAbs(val) {
					val = filepath.Join(cwd, val)
				}
				s.seccomp = val
			}
		case "mask":
			for p := range strings.SplitSeq(val, ":") {
				if !path.IsAbs(p) {
					return s, invalid("--security-opt", opt, "a path to mask must be absolute")
				}
				s.mask = append(s.mask, path.Clean(p))
			}
		case "unmask":
			for p := range strings.SplitSeq(val, ":") {
				if _, err := path.Match(p, ""); err != nil || p == "" {
					return s, invalid("--security-opt", opt, "ALL, or absolute paths and patterns separated by colons, is wanted")
				}
				s.unmask = append(s.unmask, p)
			}
		case "systempaths":
			if val != "unconfined" {
				return s, invalid("--security-opt", opt, "only systempaths=unconfined exists")
			}
			s.unmask = append(s.unmask, "ALL")
		case "proc-opts":
			if s.procOpts, err = parseProcOpts(opt, val); err != nil {
				return s, err
			}
		case "label":
			// There are no labels to disable, so disable is honoured by doing nothing.
			if val != "disable" {
				return s, notYet("--security-opt "+opt+" (SELinux labels)", "--security-opt label=disable")
			}
		case "apparmor":
			if val != "unconfined" {
				return s, notYet("--security-opt "+opt+" (AppArmor profiles)", "--security-opt apparmor=unconfined")
			}
		default:
			return s, invalid("--security-opt", opt, "it is not known")
		}
	}
	return s, nil
}

// parseProcOpts takes what proc(5) lets a user namespace set. Flags that /proc has anyway are accepted.
func parseProcOpts(opt, val string) ([]string, error) {
	var out []string
	for o := range strings.SplitSeq(val, ",") {
		key, v, has := strings.Cut(o, "=")
		switch {
		case key == "hidepid" && has:
			switch v {
			case "0", "1", "2", "4", "off", "noaccess", "invisible", "ptraceable":
			default:
				return nil, invalid("--security-opt", opt, "hidepid is one of 0, 1, 2, 4 or their names")
			}
			out = append(out, o)
		case key == "gid" && has:
			if _, err := parseID(v); err != nil {
				return nil, invalid("--security-opt", opt, "gid wants a number")
			}
			out = append(out, o)
		case o == "subset=pid", o == "ro":
			out = append(out, o)
		case o == "nosuid", o == "nodev", o == "noexec", o == "rw":
		default:
			return nil, invalid("--security-opt", opt, "the option "+strconv.Quote(o)+" of /proc is not known")
		}
	}
	return out, nil
}

func (b *builder) security() error {
	var err error
	if b.sec, err = parseSecurity(b.o.SecurityOpt, b.Host.Cwd); err != nil {
		return err
	}
	if len(b.sec.procOpts) > 0 && b.ns.pid.host {
		return conflict("--security-opt proc-opts=", "--pid host", "the host's own /proc is bound, and its options are the host's")
	}
	b.spec.Process.NoNewPrivileges = b.sec.noNewPrivs
	switch {
	case b.sec.seccomp == "" && b.o.Privileged:
		b.extra.Seccomp = "unconfined"
	case b.sec.seccomp != "default":
		b.extra.Seccomp = b.sec.seccomp
	}
	return nil
}
