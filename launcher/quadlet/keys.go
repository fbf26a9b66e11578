package quadlet

import (
	"path/filepath"
	"strings"
)

// kind is how the value of a key becomes flags.
type kind int

const (
	one   kind = iota // the last value counts
	each              // a flag for each value
	lists             // each value is a list of words
	yesNo             // a boolean
	own               // handled by name, in command
)

// key is one of [Container].
type key struct {
	kind kind
	flag string
}

// keys are those of podman-systemd.unit(5) that have a meaning here.
func keys() map[string]key {
	return map[string]key{
		"Image": {own, ""}, "Rootfs": {own, ""}, "Exec": {own, ""}, "ContainerName": {own, ""},
		"User": {own, ""}, "Group": {own, ""}, "Notify": {own, ""}, "PodmanArgs": {own, ""},
		"Volume": {own, ""}, "Network": {own, ""}, "NoNewPrivileges": {own, ""}, "SeccompProfile": {own, ""},
		"SecurityLabelDisable": {own, ""}, "Mask": {own, ""}, "Unmask": {own, ""}, "CgroupsMode": {own, ""},

		"Entrypoint": {one, "entrypoint"}, "Environment": {lists, "env"}, "EnvironmentFile": {each, "env-file"},
		"EnvironmentHost": {yesNo, "env-host"}, "HttpProxy": {yesNo, "http-proxy"}, "WorkingDir": {one, "workdir"},
		"Mount": {each, "mount"}, "Tmpfs": {each, "tmpfs"}, "ReadOnly": {yesNo, "read-only"},
		"ReadOnlyTmpfs": {yesNo, "read-only-tmpfs"}, "ShmSize": {one, "shm-size"}, "AddDevice": {each, "device"},
		"PublishPort": {each, "publish"}, "HostName": {one, "hostname"}, "AddHost": {each, "add-host"},
		"DNS": {each, "dns"}, "DNSSearch": {each, "dns-search"}, "DNSOption": {each, "dns-option"},
		"Label": {lists, "label"}, "Annotation": {lists, "annotation"}, "Timezone": {one, "tz"},
		"GroupAdd": {each, "group-add"}, "UserNS": {one, "userns"}, "UIDMap": {each, "uidmap"}, "GIDMap": {each, "gidmap"},
		"SubUIDMap": {one, "subuidname"}, "SubGIDMap": {one, "subgidname"},
		"AddCapability": {lists, "cap-add"}, "DropCapability": {lists, "cap-drop"}, "Sysctl": {lists, "sysctl"},
		"Ulimit": {each, "ulimit"}, "PidsLimit": {one, "pids-limit"}, "Memory": {one, "memory"}, "RunInit": {yesNo, "init"},
		"StopSignal": {one, "stop-signal"}, "StopTimeout": {one, "stop-timeout"}, "Pull": {one, "pull"},
		"LogDriver": {one, "log-driver"}, "LogOpt": {each, "log-opt"},
		"HealthCmd": {one, "health-cmd"}, "HealthInterval": {one, "health-interval"}, "HealthRetries": {one, "health-retries"},
		"HealthStartPeriod": {one, "health-start-period"}, "HealthTimeout": {one, "health-timeout"}, "HealthOnFailure": {one, "health-on-failure"},
	}
}

// flags are those of the keys that are nothing but flags, in the order of the file.
func (f *File) flags(add func(...string)) error {
	done := map[string]bool{}
	for _, e := range f.sections["Container"] {
		k := keys()[e.key]
		if k.kind == own || done[e.key] {
			continue
		}
		done[e.key] = true
		list := f.values(e.key)
		if k.kind == one && len(list) > 1 {
			list = list[len(list)-1:]
		}
		for _, v := range list {
			switch k.kind {
			case yesNo:
				on, err := f.truth(v)
				if err != nil {
					return err
				}
				if on {
					add("--" + k.flag)
				} else if k.flag == "read-only-tmpfs" {
					add("--no-" + k.flag)
				}
			case lists:
				ws, err := words(v.value)
				if err != nil {
					return f.fail(v.line, "%s: %v", v.key, err)
				}
				for _, w := range ws {
					add("--"+k.flag, literal(w))
				}
			default:
				add("--"+k.flag, literal(v.value))
			}
		}
	}
	return nil
}

// literal keeps systemd from reading a variable in what is none there.
func literal(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// truth reads a boolean as systemd does.
func (f *File) truth(e entry) (bool, error) {
	switch strings.ToLower(e.value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, nil
	case "0", "no", "n", "false", "f", "off":
		return false, nil
	}
	return false, f.fail(e.line, "%s=%s: true or false is wanted", e.key, e.value)
}

// volume is a value of Volume=, whose relative source is one of the file's directory.
func (f *File) volume(e entry, dir string) (string, error) {
	src, rest, has := strings.Cut(e.value, ":")
	switch {
	case strings.HasSuffix(src, ".volume"):
		return "", f.fail(e.line, "%s: .volume files are not read in this version: name the volume without it", e.value)
	case has && strings.HasPrefix(src, "."):
		return literal(filepath.Join(dir, src) + ":" + rest), nil
	}
	return literal(e.value), nil
}
