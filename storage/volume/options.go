package volume

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrOption says that an option of a volume is not known, or cannot be honoured
// without being root.
var ErrOption = errors.New("volume option")

// Local is what the options of the driver local ask for.
type Local struct {
	// Type is "" for a directory of the store, "tmpfs" or "bind".
	Type string
	// Device is the host directory of a bind.
	Device string
	// Words are mount options without a value, Values those of a tmpfs with one.
	Words, Values []string
	// UID and GID own a directory of the store, nil for the usual owner.
	UID, GID *uint32
}

// CheckDriver accepts the only driver there is. Errors: [ErrOption].
func CheckDriver(name string) error {
	if name == "" || name == "local" {
		return nil
	}
	return fmt.Errorf("%w: the driver %.80q is not known\n  fix: --driver local, the only one: plug-ins would need a daemon", ErrOption, name)
}

// ParseOptions reads type=, device= and o=, as docker's and podman's driver local
// takes them. Errors: [ErrOption].
func ParseOptions(options map[string]string) (l Local, err error) {
	for _, key := range slices.Sorted(maps.Keys(options)) {
		switch v := options[key]; key {
		case "type":
			l.Type = v
		case "device":
			l.Device = v
		case "o":
		default:
			return l, fmt.Errorf("%w: %q is not known\n  fix: type=, device= and o= are", ErrOption, key)
		}
	}
	switch l.Type {
	case "", "none", "bind", "tmpfs":
	default:
		return l, fmt.Errorf("%w: a file system of type %.80q can be mounted by root only"+
			"\n  fix: have root mount it, then: --opt type=none --opt o=bind --opt device=/where/it/is", ErrOption, l.Type)
	}
	bind := false
	if o := options["o"]; o != "" {
		for word := range strings.SplitSeq(o, ",") {
			if word == "bind" || word == "rbind" {
				bind = true
				continue
			}
			if err := l.word(word); err != nil {
				return l, err
			}
		}
	}
	return l, l.settle(bind)
}

// flags are the mount options without a value that mean something here.
const flags = " ro rw exec noexec suid nosuid dev nodev noquota "

func (l *Local) word(word string) error {
	key, value, has := strings.Cut(word, "=")
	switch {
	case !has && word != "" && !strings.Contains(word, " ") && strings.Contains(flags, " "+word+" "):
		if word != "noquota" {
			l.Words = append(l.Words, word)
		}
		return nil
	case has && (key == "uid" || key == "gid"):
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n == 1<<32-1 {
			return fmt.Errorf("%w: %s=%.80q is no id", ErrOption, key, value)
		}
		id := uint32(n)
		if key == "uid" {
			l.UID = &id
		} else {
			l.GID = &id
		}
		return nil
	case has && (key == "size" || key == "nr_inodes" || key == "nr_blocks" || key == "mode"):
		if !plainValue(key, value) {
			return fmt.Errorf("%w: %s=%.80q has a bad value", ErrOption, key, value)
		}
		l.Values = append(l.Values, word)
		return nil
	case key == "inodes" || key == "quota":
		return fmt.Errorf("%w: %s is a quota, which only root can set\n  fix: --opt type=tmpfs --opt o=size=…,nr_inodes=…, which is memory", ErrOption, key)
	}
	return fmt.Errorf("%w: o=%.80q is not known", ErrOption, word)
}

// plainValue accepts what tmpfs(5) takes: octal modes, and numbers with a unit.
func plainValue(key, value string) bool {
	if key == "mode" {
		n, err := strconv.ParseUint(value, 8, 32)
		return err == nil && n <= 0o7777
	}
	digits := strings.TrimRight(value, "kKmMgG%")
	n, err := strconv.ParseUint(digits, 10, 62)
	return err == nil && len(value)-len(digits) <= 1 && n > 0
}

// settle checks what the parts mean together.
func (l *Local) settle(bind bool) error {
	switch l.Type {
	case "", "none", "bind":
		if l.Type == "bind" || bind || l.Device != "" {
			l.Type = "bind"
		} else {
			l.Type = ""
		}
	case "tmpfs":
		if bind || l.Device != "" && l.Device != "tmpfs" {
			return fmt.Errorf("%w: a tmpfs has no device and is no bind", ErrOption)
		}
		l.Device = ""
		return nil
	}
	if l.Type == "bind" {
		if !filepath.IsAbs(l.Device) || strings.IndexByte(l.Device, 0) >= 0 {
			return fmt.Errorf("%w: a bind wants device=/absolute/path", ErrOption)
		}
		if len(l.Values) > 0 || l.UID != nil || l.GID != nil {
			return fmt.Errorf("%w: a bind has no size, mode or owner of its own", ErrOption)
		}
		l.Device = filepath.Clean(l.Device)
		return nil
	}
	if len(l.Values) > 0 {
		return fmt.Errorf("%w: %s would be a quota on a directory, which only root can set\n  fix: --opt type=tmpfs, which is memory", ErrOption, l.Values[0])
	}
	return nil
}
