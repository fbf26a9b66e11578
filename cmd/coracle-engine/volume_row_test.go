//go:build containers_image_openpgp

package main

import (
	"strings"
	"testing"
	"time"

	"coracle/storage/volume"
)

func TestVolumeFilters(t *testing.T) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	v := &volume.Volume{Name: "web_data", Record: volume.Record{
		Created: now.Add(-48 * time.Hour), Labels: map[string]string{"a": "b", "empty": ""}, Options: map[string]string{"type": "tmpfs"}, Anonymous: true,
	}}
	for filters, fits := range map[string]bool{
		"":                           true,
		"name=web":                   true,
		"name=x":                     false,
		"name=x name=data":           true, // one of several
		"label=a":                    true,
		"label=a=b":                  true,
		"label=a=c":                  false,
		"label=empty=":               true,
		"label=a label=none":         false, // every label
		"label!=a":                   false,
		"label!=a=c label!=none":     true,
		"driver=local scope=local":   true,
		"driver=nfs":                 false,
		"opt=type":                   true,
		"opt=type=bind":              false,
		"dangling=true":              false,
		"dangling=false":             true,
		"anonymous=1":                true,
		"anonymous=0":                false,
		"until=24h":                  true,
		"until=72h":                  false,
		"since=2026-01-01T00:00:00Z": true,
		"after=24h":                  false,
		"all=true name=web":          true,
	} {
		list, err := parseVolumeFilters(strings.Fields(filters), now)
		if err != nil || fitsAll(list, v, 1) != fits {
			t.Errorf("%s: %v, want %v", filters, err, fits)
		}
	}
	for _, bad := range []string{"name", "name=", "dangling=perhaps", "colour=red", "until=whenever"} {
		if _, err := parseVolumeFilters([]string{bad}, now); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestVolumeRow(t *testing.T) {
	r := newVolumeRow(&volume.Volume{Name: "x", Record: volume.Record{
		Labels: map[string]string{"b": "2", "a": "1"}, Options: map[string]string{"type": "none", "o": "bind", "device": "/srv"},
	}}, 3)
	if r.Mountpoint != "/srv" || r.Labels.String() != "a=1,b=2" || r.Label("b") != "2" || r.MountCount != 3 || r.Status != nil {
		t.Errorf("%+v", r)
	}
	r = newVolumeRow(&volume.Volume{Err: volume.ErrDamaged}, 0)
	if r.Status["error"] == "" || r.Labels == nil || r.Options == nil {
		t.Errorf("%+v", r)
	}
}

func TestKeyValues(t *testing.T) {
	m, err := keyValues("--label", []string{"a=b=c", "d", "e="})
	if err != nil || m["a"] != "b=c" || len(m) != 3 {
		t.Errorf("%v %v", m, err)
	}
	if _, err := keyValues("--label", []string{"=x"}); err == nil {
		t.Error("no key")
	}
}
