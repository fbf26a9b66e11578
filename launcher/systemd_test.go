package launcher

import (
	"errors"
	"testing"

	"coracle/launcher/cgroup"
	"coracle/launcher/intent"
)

func TestSystemdNeeds(t *testing.T) {
	for _, c := range []struct {
		flag  string
		place *cgroup.Place
		ok    bool
	}{
		{"", nil, true}, {"true", nil, true}, {"always", nil, false},
		{"always", &cgroup.Place{Way: cgroup.V1}, false},
		{"always", &cgroup.Place{Way: cgroup.Systemd}, true}, {"always", &cgroup.Place{Way: cgroup.Files}, true},
	} {
		l := &launch{options: &intent.Options{Systemd: c.flag}}
		l.place = c.place
		if err := l.systemdNeeds(); (err == nil) != c.ok || err != nil && !errors.Is(err, errNoSystemd) {
			t.Errorf("%q, %+v: %v", c.flag, c.place, err)
		}
	}
}
