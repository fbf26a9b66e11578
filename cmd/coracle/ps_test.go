package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"coracle/launcher/containers"
	"coracle/storage"
	"coracle/storage/volume"
)

// psList are a container of each kind, made one second after the other.
func psList() []*containers.Container {
	made := func(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC) }
	return []*containers.Container{
		{
			Dir: &storage.Dir{ID: "aa11", Name: "web", Keep: true}, PID: 7, Running: true, Started: made(10),
			Intent: containers.Intent{Created: made(1), Image: "docker.io/library/nginx:1.2", ImageID: "feed01", Labels: map[string]string{"a": "1", "b": ""}, Network: "host", Cmd: []string{"serve", "--a-rather-long-flag"}},
			Mounts: []volume.Mount{{Type: "volume", Name: "data", Destination: "/data"}, {Type: "bind", Source: "/srv", Destination: "/mnt"}},
		},
		{
			Dir: &storage.Dir{ID: "aa22", Name: "web2", Keep: true}, Exit: &containers.Exit{Status: 3, Finished: made(30)}, Started: made(20),
			Intent: containers.Intent{Created: made(2), Image: "nginx", ImageID: "beef02", Labels: map[string]string{"a": "2"}},
		},
		{Dir: &storage.Dir{ID: "bb33", Name: "job", Keep: true}, Intent: containers.Intent{Created: made(3), Rootfs: "/srv/root"}},
	}
}

func TestPsFilter(t *testing.T) {
	for _, tt := range []struct{ filters, want string }{
		{"", "web web2 job"},
		{"id=aa", "web web2"},
		{"id=aa2", "web2"},
		{"name=web", "web web2"},
		{"name=^web$", "web"},
		{"name=job name=2", "web2 job"},
		{"label=a", "web web2"},
		{"label=a=2", "web2"},
		{"label=a label=b", "web"},
		{"label=b=", "web"},
		{"label=c", ""},
		{"status=running", "web"},
		{"status=exited", "web2"},
		{"status=stopped", "web2"},
		{"status=created", "job"},
		{"status=running status=created", "web job"},
		{"status=paused", ""},
		{"exited=3", "web2"},
		{"exited=0", ""},
		{"ancestor=nginx", "web web2"},
		{"ancestor=nginx:1.2", "web"},
		{"ancestor=library/nginx", "web"},
		{"ancestor=sha256:beef", "web2"},
		{"ancestor=ginx", ""},
		{"before=web2", "web"},
		{"since=web", "web2 job"},
		{"since=bb", ""},
		{"volume=data", "web"},
		{"volume=/srv", "web"},
		{"volume=/mnt", "web"},
		{"network=host", "web"},
		{"name=web status=exited", "web2"},
	} {
		list := psList()
		fit, status, err := psFilter(list, nil, strings.Fields(tt.filters))
		if err != nil {
			t.Errorf("%s: %v", tt.filters, err)
			continue
		}
		var got []string
		for _, c := range list {
			if fit(c) {
				got = append(got, c.Name)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.filters, got, tt.want)
		}
		if want := strings.Contains(tt.filters, "status") || strings.Contains(tt.filters, "exited"); status != want {
			t.Errorf("%s: stopped ones asked for: %v", tt.filters, status)
		}
	}
	for _, bad := range []string{"name", "", "colour=red", "status=asleep", "exited=x", "name=(", "before=ghost", "since="} {
		if _, _, err := psFilter(psList(), nil, []string{bad}); err == nil || !strings.Contains(err.Error(), "invalid --filter") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPsRow(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC)
	list := psList()
	for i, want := range []string{
		"docker.io/library/nginx:1.2|serve --a-rather-lon|running|Up 50 seconds|0|/data,/mnt",
		"nginx||exited|Exited (3) 30 seconds ago|3|",
		"/srv/root||created|Created|0|",
	} {
		r := psRow{c: list[i], now: now}
		if got := strings.Join([]string{r.Image(), r.Command(), r.State(), r.Status(), fmt.Sprint(r.ExitCode()), r.Mounts()}, "|"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	long := psRow{c: list[0], now: now, whole: true}
	if long.Command() != "serve --a-rather-long-flag" || long.ID() != "aa11" || long.Label("a") != "1" || long.RunningFor() != "59 seconds ago" {
		t.Errorf("%s %s", long.Command(), long.RunningFor())
	}
	if r := (psRow{c: list[2]}); r.StartedAt() != 0 || r.ExitedAt() != 0 || r.Exited() {
		t.Errorf("never started: %d %d", r.StartedAt(), r.ExitedAt())
	}
}

func TestPsSort(t *testing.T) {
	for by, want := range map[string]string{
		"created": "job web2 web", "id": "web web2 job", "names": "job web web2", "image": "job web web2", "status": "job web2 web", "runningfor": "job web web2", "command": "web2 job web",
	} {
		var rows []psRow
		for _, c := range psList() {
			rows = append(rows, psRow{c: c})
		}
		if by == "command" {
			rows = rows[:3]
		}
		if err := psSort(rows, by); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rows {
			got = append(got, r.c.Name)
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %s", by, got, want)
		}
	}
	if psSort(nil, "smell") == nil {
		t.Error("an unknown order")
	}
}

func TestPruneFilter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC)
	for filters, want := range map[string]string{
		"": "web web2 job", "label=a": "web web2", "label!=a": "job", "label=a=1": "web", "label!=a=1": "web2 job", "until=2s": "", "until=1s": "web",
		"until=2026-01-01T00:00:03Z": "web web2", "label=a until=1s": "web",
	} {
		fits, err := pruneFilter(strings.Fields(filters), now)
		if err != nil {
			t.Errorf("%s: %v", filters, err)
			continue
		}
		var got []string
		for _, c := range psList() {
			if fits(c) {
				got = append(got, c.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", filters, got, want)
		}
	}
	for _, bad := range []string{"label", "label=", "until=soon", "name=x"} {
		if _, err := pruneFilter([]string{bad}, now); err == nil {
			t.Errorf("%q is no error", bad)
		}
	}
}

func TestChosen(t *testing.T) {
	for _, tt := range []struct {
		names         []string
		every, latest bool
	}{{nil, false, false}, {[]string{"x"}, true, false}, {[]string{"x"}, false, true}, {nil, true, true}} {
		if got, err := chosen(nil, tt.names, tt.every, tt.latest); err == nil {
			t.Errorf("%+v: %q", tt, got)
		}
	}
	if got, err := chosen(nil, []string{"a", "b"}, false, false); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q, %v", got, err)
	}
	if seconds(nil) != nil || *seconds(new(int)) != 0 {
		t.Error("seconds")
	}
}
