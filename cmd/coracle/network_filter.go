package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"coracle/slirp/networks"
)

// networkFilter reads --filter of network ls and prune: values of one key are
// alternatives, keys and labels all have to fit. used tells whether a network has
// users.
func networkFilter(filters []string, now time.Time, used func(*networks.Network) bool) (func(*networks.Network) bool, error) {
	byKey := map[string][]func(*networks.Network) bool{}
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if !ok || value == "" {
			return nil, fmt.Errorf("invalid --filter %q: KEY=VALUE is wanted", f)
		}
		test, err := networkTest(key, value, now, used)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(key, "label") {
			key = f // each for itself
		}
		byKey[key] = append(byKey[key], test)
	}
	return func(n *networks.Network) bool {
		for _, tests := range byKey {
			if !slices.ContainsFunc(tests, func(test func(*networks.Network) bool) bool { return test(n) }) {
				return false
			}
		}
		return true
	}, nil
}

func networkTest(key, value string, now time.Time, used func(*networks.Network) bool) (func(*networks.Network) bool, error) {
	word, want, exact := strings.Cut(value, "=")
	labelled := func(n *networks.Network) bool {
		have, ok := n.Labels[word]
		return ok && (!exact || have == want)
	}
	switch key {
	case "name":
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, fmt.Errorf("invalid --filter name=%s: %w", value, err)
		}
		return func(n *networks.Network) bool { return re.MatchString(n.Name) }, nil
	case "id":
		return func(n *networks.Network) bool { return strings.HasPrefix(n.ID, value) }, nil
	case "driver":
		return func(n *networks.Network) bool { return n.Driver == value }, nil
	case "scope":
		return func(*networks.Network) bool { return value == "local" }, nil
	case "type":
		if value != "custom" && value != "builtin" {
			return nil, fmt.Errorf("invalid --filter type=%s: custom and builtin are possible", value)
		}
		return func(n *networks.Network) bool { return n.IsDefault() == (value == "builtin") }, nil
	case "label":
		return labelled, nil
	case "label!":
		return func(n *networks.Network) bool { return !labelled(n) }, nil
	case "until":
		until, err := moment("--filter until=", value, now)
		if err != nil {
			return nil, err
		}
		return func(n *networks.Network) bool { return n.Created.Before(until) }, nil
	case "dangling":
		want, err := strconv.ParseBool(value)
		if err != nil {
			return nil, fmt.Errorf("invalid --filter dangling=%s: true or false is wanted", value)
		}
		return func(n *networks.Network) bool { return !used(n) == want }, nil
	}
	return nil, fmt.Errorf("invalid --filter %q: name, id, driver, scope, type, label, label!, until and dangling are possible", key)
}
