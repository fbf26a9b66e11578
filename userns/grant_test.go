package userns

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

const anaPasswd = "root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n"

func TestLookupOrder(t *testing.T) {
	files := map[string]string{
		"passwd": anaPasswd,
		"subuid": "ana:100000:65536\n",
		"subgid": "1000:200000:65536\n",
	}
	with := func(name, text string) map[string]string {
		all := map[string]string{name: text}
		for n, v := range files {
			if n != name {
				all[n] = v
			}
		}
		return all
	}
	nobody := with("passwd", "root:x:0:0::/root:/bin/sh\n")
	const fromFiles = "0 1000 1, 1 100000 65536"
	sss := map[string]string{
		"getsubids ana":    "0: ana 500000 65536\n",
		"getsubids -g ana": "0: ana 500000 65536\n",
	}
	for _, c := range []struct {
		name     string
		files    map[string]string
		programs map[string]string
		user     string
		source   string
		uids     string
		ran      []string
	}{
		{"files; getsubids is not run for them", files, sss, "ana", SourceFiles, fromFiles, nil},
		{"nsswitch says files", with("nsswitch.conf", "subid: files\n"), sss, "ana", SourceFiles, fromFiles, nil},
		{"a directory", with("nsswitch.conf", "subid: sss\n"), sss, "ana", SourceGetSubIDs, "0 1000 1, 1 500000 65536",
			[]string{"getsubids -g ana", "getsubids ana"}},
		{"a directory without getsubids", with("nsswitch.conf", "subid: sss\n"), nil, "ana", SourceFiles, fromFiles, nil},
		{"a directory that knows nothing: the files do not count", with("nsswitch.conf", "subid: sss\n"),
			map[string]string{"getsubids other": ""}, "ana", SourceSingle, "0 1000 1",
			[]string{"getsubids -g ana", "getsubids ana"}},
		{"no name, ranges by number", map[string]string{"subuid": "1000:100000:65536\n", "subgid": "1000:100000:65536\n"}, sss,
			"1000", SourceFiles, fromFiles, nil},
		{"no name in passwd, ranges by the directory's name", nobody, map[string]string{"id -un": "ana\n"},
			"ana", SourceFiles, fromFiles, []string{"id -un"}},
		{"no name anywhere", nobody, nil, "1000", SourceSingle, "0 1000 1", []string{"id -un"}},
		{"an unusable name", nobody, map[string]string{"id -un": "-x\x1b\n"}, "1000", SourceSingle, "0 1000 1", []string{"id -un"}},
		{"a directory, by number", map[string]string{"nsswitch.conf": "subid: sss\n"},
			map[string]string{"getsubids 1000": "0: ana 500000 10\n", "getsubids -g 1000": "0: ana 500000 10\n"},
			"1000", SourceGetSubIDs, "0 1000 1, 1 500000 10", []string{"getsubids -g 1000", "getsubids 1000"}},
		{"a directory, by its own name", map[string]string{"nsswitch.conf": "subid: sss\n"},
			map[string]string{"id -un": "ana\n", "getsubids ana": "0: ana 500000 10\n", "getsubids -g ana": "0: ana 500000 10\n"},
			"ana", SourceGetSubIDs, "0 1000 1, 1 500000 10",
			[]string{"getsubids -g 1000", "getsubids -g ana", "getsubids 1000", "getsubids ana", "id -un"}},
		{"uids only", map[string]string{"passwd": anaPasswd, "subuid": "ana:100000:65536\n"}, nil, "ana", SourceSingle, "0 1000 1", nil},
		{"nothing at all", nil, nil, "1000", SourceSingle, "0 1000 1", []string{"id -un"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("USER", "bob") // is not to be believed
			t.Setenv("LOGNAME", "bob")
			s := testSystem(t, c.files)
			var ran []string
			s.answers(&ran, c.programs)
			g := s.lookup(t.Context())
			slices.Sort(ran)
			if g.User != c.user || g.Source != c.source || g.UIDs.String() != c.uids || !slices.Equal(ran, c.ran) {
				t.Errorf("got user %s, source %s, uids %s, ran %q", g.User, g.Source, g.UIDs, ran)
			}
			if g.Direct || g.UID != 1000 || g.GID != 1000 {
				t.Errorf("got %+v", g)
			}
			if single := c.source == SourceSingle; g.Single != single || (g.Note != "") != single || strings.Contains(g.Note, "\n") {
				t.Errorf("single %v, note %q", g.Single, g.Note)
			}
			for _, k := range kinds {
				if err := k.of(g).Validate(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestLookupOwnGroupInside(t *testing.T) {
	s := testSystem(t, map[string]string{"passwd": anaPasswd, "subuid": "ana:100000:10\n", "subgid": "ana:500:1000\n"})
	g := s.lookup(t.Context())
	if got, want := g.GIDs.String(), "0 1000 1, 1 500 500, 501 1001 499"; got != want || g.Note != "" {
		t.Errorf("gids %s, want %s; note %q", got, want, g.Note)
	}
}

func TestLookupNested(t *testing.T) {
	files := map[string]string{"passwd": anaPasswd, "subuid": "ana:60000:10000\n", "subgid": "ana:60000:10000\n"}
	s := testSystem(t, files)
	s.uids = IDMap{{0, 1000, 1}, {1, 100000, 65536}}
	s.gids = s.uids
	g := s.lookup(t.Context())
	if got, want := g.UIDs.String(), "0 1000 1, 1 60000 5537"; got != want || g.Single {
		t.Errorf("uids %s, want %s", got, want)
	}
	if !strings.Contains(g.Note, "4463 uids and 4463 gids") {
		t.Errorf("note %q", g.Note)
	}
	s.uids, s.gids = IDMap{{0, 0, 2000}}, IDMap{{0, 0, 2000}}
	if g = s.lookup(t.Context()); !g.Single || !strings.Contains(g.Note, "2000 uids and 2000 gids") {
		t.Errorf("single %v, note %q", g.Single, g.Note)
	}
}

func TestLookupRoot(t *testing.T) {
	two := "0 0 1, 1 1 4294967294"
	for _, c := range []struct {
		name   string
		uids   IDMap
		caps   uint64
		want   string
		direct bool
		single bool
		note   string
	}{
		{"initial namespace, in two extents", full, mapCaps, two, true, false, ""},
		{"initial namespace, cut already", IDMap{{0, 0, 1}, {1, 1, maxID - 1}}, mapCaps, two, true, false, ""},
		{"a container, cut where it is", IDMap{{1, 100000, 65536}, {0, 1000, 1}, {65537, 300000, 10}}, mapCaps,
			"0 0 1, 1 1 65536, 65537 65537 10", true, false, ""},
		{"a hole", IDMap{{0, 1000, 10}, {100, 100000, 5}}, mapCaps, "0 0 1, 1 1 9, 100 100 5", true, false, ""},
		{"one id", IDMap{{0, 1000, 1}}, mapCaps, "0 0 1", true, true, "only one id"},
		{"no capabilities", full, mapCaps &^ (1 << capSetFCap), "0 0 1", false, true, "lacks CAP_SETFCAP"},
		{"none at all", full, 0, "0 0 1", false, true, "lacks CAP_SETUID, CAP_SETGID, CAP_SETFCAP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testSystem(t, map[string]string{"passwd": anaPasswd, "subuid": "root:500:10\n"})
			s.uid, s.gid, s.uids, s.gids, s.caps = 0, 0, c.uids, c.uids, c.caps
			g := s.lookup(t.Context())
			if g.UIDs.String() != c.want || g.GIDs.String() != c.want || g.Direct != c.direct || g.Single != c.single || g.User != "root" {
				t.Errorf("got %+v", g)
			}
			if !strings.Contains(g.Note, c.note) || (c.note == "") != (g.Note == "") {
				t.Errorf("note %q", g.Note)
			}
			if _, all := g.UIDs.Within(IDMap{{0, 0, maxID}}); !all {
				t.Error("maps more than there is")
			}
		})
	}
}

func TestLookupOfThisProcess(t *testing.T) {
	g, err := Lookup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if g.UID != os.Geteuid() || g.GID != os.Getegid() || g.User == "" || len(g.UIDs) == 0 || len(g.GIDs) == 0 {
		t.Errorf("got %+v", g)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lookup(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
