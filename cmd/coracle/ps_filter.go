package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/storage/volume"
)

// psFilter reads --filter. Values of one key are alternatives, keys all have to
// fit, as in docker; labels all have to. status tells that stopped containers
// are asked for.
func psFilter(list []*containers.Container, in attached, filters []string) (fit func(*containers.Container) bool, status bool, err error) {
	byKey := map[string][]func(*containers.Container) bool{}
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, false, fmt.Errorf("invalid --filter %q: KEY=VALUE is wanted", f)
		}
		one, err := psTest(list, in, key, value)
		if err != nil {
			return nil, false, err
		}
		status = status || key == "status" || key == "exited"
		if key == "label" || key == "label!" {
			key = f // each for itself
		}
		byKey[key] = append(byKey[key], one)
	}
	return func(c *containers.Container) bool {
		for _, tests := range byKey {
			if !slices.ContainsFunc(tests, func(test func(*containers.Container) bool) bool { return test(c) }) {
				return false
			}
		}
		return true
	}, status, nil
}

func psTest(list []*containers.Container, in attached, key, value string) (func(*containers.Container) bool, error) {
	switch key {
	case "id":
		return func(c *containers.Container) bool { return strings.HasPrefix(c.ID, value) }, nil
	case "name":
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, fmt.Errorf("invalid --filter name=%s: %w", value, err)
		}
		return func(c *containers.Container) bool { return re.MatchString(c.Name) }, nil
	case "label":
		k, v, exact := strings.Cut(value, "=")
		return func(c *containers.Container) bool {
			have, ok := c.Intent.Labels[k]
			return ok && (!exact || have == v)
		}, nil
	case "status":
		words := []string{containers.Created, containers.Running, containers.Exited, containers.Paused, containers.Restarting, "stopped", "initialized"}
		if !slices.Contains(words, value) {
			return nil, fmt.Errorf("invalid --filter status=%s: %s are possible", value, strings.Join(words, ", "))
		}
		return func(c *containers.Container) bool {
			return c.Status() == value || value == "stopped" && c.Status() == containers.Exited
		}, nil
	case "health":
		words := []string{containers.Starting, containers.Healthy, containers.Unhealthy, "none"}
		if !slices.Contains(words, value) {
			return nil, fmt.Errorf("invalid --filter health=%s: %s are possible", value, strings.Join(words, ", "))
		}
		return func(c *containers.Container) bool {
			h := launcher.HealthStatus(c)
			return h == value || h == "" && value == "none"
		}, nil
	case "restart-policy":
		if p, err := (&intent.RestartFlags{Restart: value}).Policy(); err != nil || value == "" {
			return nil, fmt.Errorf("invalid --filter restart-policy=%s: no, on-failure, always and unless-stopped are possible", value)
		} else if !p.Restarts() {
			value = ""
		}
		return func(c *containers.Container) bool {
			name, _, _ := strings.Cut(c.Intent.Restart, ":")
			return name == value || c.Intent.Restart == value
		}, nil
	case "exited":
		n, err := strconv.Atoi(value)
		if err != nil {
			return nil, fmt.Errorf("invalid --filter exited=%s: a number is wanted", value)
		}
		return func(c *containers.Container) bool { return c.Exit != nil && c.Exit.Status == n }, nil
	case "ancestor":
		return func(c *containers.Container) bool { return isImage(c, value) }, nil
	case "before", "since":
		other := slices.IndexFunc(list, func(c *containers.Container) bool { return c.Name == value || strings.HasPrefix(c.ID, value) })
		if value == "" || other < 0 {
			return nil, fmt.Errorf("invalid --filter %s=%s: no such container", key, value)
		}
		at := list[other].Intent.Created
		want := 1
		if key == "before" {
			want = -1
		}
		return func(c *containers.Container) bool {
			return c.Intent.Created.Compare(at) == want
		}, nil
	case "volume":
		return func(c *containers.Container) bool {
			return slices.ContainsFunc(c.Mounts, func(m volume.Mount) bool {
				return m.Destination == value || m.Name == value || m.Source == value
			})
		}, nil
	case "pod":
		return func(*containers.Container) bool { return false }, nil // there are none
	case "command":
		return func(c *containers.Container) bool {
			return slices.Contains(c.Intent.Command(), value) || strings.Join(c.Intent.Command(), " ") == value
		}, nil
	case "until":
		until, err := moment("--filter until=", value, time.Now())
		if err != nil {
			return nil, err
		}
		return func(c *containers.Container) bool { return c.Intent.Created.Before(until) }, nil
	case "label!":
		k, v, exact := strings.Cut(value, "=")
		return func(c *containers.Container) bool {
			have, ok := c.Intent.Labels[k]
			return !ok || exact && have != v
		}, nil
	case "network":
		return in.filter(value), nil
	}
	return nil, fmt.Errorf("invalid --filter %q: id, name, label, status, exited, ancestor, before, since, volume, network, pod, health, restart-policy, command, until and label! are possible", key)
}

// isImage tells whether a container was made from the image: by id, its
// beginning, or the name with or without tag and registry.
func isImage(c *containers.Container, ref string) bool {
	if id := strings.TrimPrefix(ref, "sha256:"); id != "" && strings.HasPrefix(c.Intent.ImageID, id) {
		return true
	}
	name := c.Intent.Image
	return name == ref || strings.HasPrefix(name, ref+":") || strings.HasPrefix(name, ref+"@") ||
		strings.HasSuffix(name, "/"+ref) || strings.Contains(name, "/"+ref+":")
}

// psSort orders rows, newest first by default.
func psSort(rows []psRow, by string) error {
	keys := map[string]func(a, b psRow) int{
		"created":    func(a, b psRow) int { return b.c.Intent.Created.Compare(a.c.Intent.Created) },
		"id":         func(a, b psRow) int { return cmp.Compare(a.c.ID, b.c.ID) },
		"image":      func(a, b psRow) int { return cmp.Compare(a.Image(), b.Image()) },
		"names":      func(a, b psRow) int { return cmp.Compare(a.c.Name, b.c.Name) },
		"runningfor": func(a, b psRow) int { return a.c.Started.Compare(b.c.Started) },
		"status":     func(a, b psRow) int { return cmp.Compare(a.Status(), b.Status()) },
		"size":       func(a, b psRow) int { return cmp.Compare(a.size, b.size) },
		"pod":        func(a, b psRow) int { return 0 },
		"command":    func(a, b psRow) int { return cmp.Compare(a.Command(), b.Command()) },
	}
	less, ok := keys[by]
	if !ok {
		return fmt.Errorf("invalid --sort %q: created, command, id, image, names, runningfor, size and status are possible", by)
	}
	slices.SortStableFunc(rows, less)
	return nil
}
