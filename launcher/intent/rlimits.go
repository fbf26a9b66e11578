package intent

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// rlimitNames are those of getrlimit(2).
const rlimitNames = " as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack "

// defaultNofile bounds the default of open files and processes, podman's RLimitDefaultValue.
const defaultNofile = 1 << 20

// parseUlimit reads NAME=SOFT[:HARD]; -1 and unlimited are no limit.
func parseUlimit(s string) (name string, r Rlimit, err error) {
	const flag = "--ulimit"
	name, val, has := strings.Cut(s, "=")
	name = strings.TrimPrefix(strings.ToLower(name), "rlimit_")
	if !has || name == "" || !strings.Contains(rlimitNames, " "+name+" ") {
		return "", r, invalid(flag, s, "NAME=SOFT[:HARD] or host is wanted, with a name of"+strings.TrimRight(rlimitNames, " "))
	}
	soft, hard, two := strings.Cut(val, ":")
	if r.Soft, err = parseLimit(soft); err == nil {
		r.Hard = r.Soft
		if two {
			r.Hard, err = parseLimit(hard)
		}
	}
	if err != nil {
		return "", r, invalid(flag, s, "a limit is a number, -1 or unlimited")
	}
	if r.Soft > r.Hard {
		return "", r, invalid(flag, s, "the soft limit is higher than the hard limit")
	}
	return name, r, nil
}

func parseLimit(s string) (uint64, error) {
	if s == "-1" || s == "unlimited" {
		return math.MaxUint64, nil
	}
	return strconv.ParseUint(s, 10, 63)
}

func limitString(n uint64) string {
	if n == math.MaxUint64 {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

// rlimits sets what was asked for, and open files and processes to podman's default as far as the caller's
// own hard limits go. Open files are set in any case: the Go runtime raises its own soft limit, and a
// container must not inherit that by accident. No user namespace may raise a hard limit (capable(), in
// setrlimit(2)), so more than the caller has is an error; podman would quietly give less.
func (b *builder) rlimits() error {
	set := make(map[string]bool, 2)
	host := false
	var out []specs.POSIXRlimit
	add := func(name string, r Rlimit) {
		set[name] = true
		out = append(out, specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(name), Hard: r.Hard, Soft: r.Soft})
	}
	for _, s := range b.o.Ulimit {
		if s == "host" {
			host = true
			continue
		}
		name, r, err := parseUlimit(s)
		if err != nil {
			return err
		}
		if set[name] {
			return fail(ErrConflict, "--ulimit %s was given twice", name)
		}
		if own, ok := b.Host.Rlimits[name]; ok && r.Hard > own.Hard {
			return fail(ErrUnsupported, "--ulimit %s: your own hard limit of %s is %s, and an unprivileged user cannot raise it",
				s, name, limitString(own.Hard)).
				fix("--ulimit %s=%s, or a higher limit in /etc/security/limits.conf", name, limitString(own.Hard))
		}
		add(name, r)
	}
	for _, name := range [...]string{"nofile", "nproc"} {
		own, ok := b.Host.Rlimits[name]
		if !ok || set[name] {
			continue
		}
		if !host {
			own.Hard = min(own.Hard, defaultNofile)
			own.Soft = min(own.Soft, own.Hard)
			if name == "nofile" {
				own.Soft = own.Hard
			}
		}
		add(name, own)
	}
	slices.SortFunc(out, func(x, y specs.POSIXRlimit) int { return strings.Compare(x.Type, y.Type) })
	b.spec.Process.Rlimits = out
	return nil
}
