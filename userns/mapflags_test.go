package userns

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// etcGrant is anaGrant on a machine with these files in /etc.
func etcGrant(t *testing.T, files map[string]string) Grant {
	t.Helper()
	g := anaGrant()
	g.etc = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(g.etc, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestSubIDNames(t *testing.T) {
	files := map[string]string{
		"passwd": anaPasswd,
		"subuid": "ana:100000:65536\nsmall:100500:10\nsmall:100100:5\nstranger:500000:65536\n1000:165530:6\n",
		"subgid": "ana:100000:65536\nsmall:100010:20\ngroup:100000:3\n",
	}
	g := etcGrant(t, files)
	for _, c := range []struct {
		name       string
		r          Request
		uids, gids string
		is         error
		says       string
	}{
		{"own, without oneself", Request{SubUIDName: "ana"}, "0 1 65536", "0 1 65536", nil, ""},
		{"a part, lowest first", Request{SubUIDName: "small"}, "0 101 5, 5 501 10", "0 11 20", nil, ""},
		{"by the group's name", Request{SubGIDName: "small"}, "0 101 5, 5 501 10", "0 11 20", nil, ""},
		{"two names", Request{SubUIDName: "ana", SubGIDName: "group"}, "0 1 65536", "0 1 3", nil, ""},
		{"not ours", Request{SubUIDName: "stranger", SubGIDName: "ana"}, "", "", ErrTooFew, `"stranger" in /etc/subuid is not among those of "ana"`},
		{"no such line", Request{SubUIDName: "nobody"}, "", "", ErrTooFew, `/etc/subuid has no range for "nobody"`},
		{"no such group line", Request{SubUIDName: "stranger", SubGIDName: "stranger"}, "", "", ErrTooFew, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := g.Container(c.r)
			if !errors.Is(err, c.is) || m.UIDs.String() != c.uids || m.GIDs.String() != c.gids {
				t.Fatalf("got %s | %s, %v", m.UIDs, m.GIDs, err)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

// The proposed range is free in both files and large enough.
func TestTooFewProposes(t *testing.T) {
	files := map[string]string{
		"passwd": anaPasswd,
		"subuid": "ana:100000:65536\nbob:165536:65536\n",
		"subgid": "ana:100000:65536\nbob:165536:65536\n",
	}
	for _, c := range []struct {
		name, source, user string
		r                  Request
		says               string
	}{
		{"one range more", SourceFiles, "ana", Request{UIDMap: []string{"u0:0:65538"}}, "fix: sudo usermod --add-subuids 231072-296607 ana"},
		{"two ranges more", SourceFiles, "ana", Request{UIDMap: []string{"g0:0:140000"}}, "fix: sudo usermod --add-subgids 231072-362143 ana"},
		{"not a local user", SourceFiles, `CORP\ana`, Request{UIDMap: []string{"0:0:70000"}}, `fix: echo 'CORP\ana:231072:65536' | sudo tee -a /etc/subuid`},
		{"a directory's user", SourceGetSubIDs, "ana", Request{UIDMap: []string{"0:0:70000"}}, "fix: have a larger range entered in the directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := etcGrant(t, files)
			g.Source, g.User = c.source, c.user
			_, err := g.Container(c.r)
			if !errors.Is(err, ErrTooFew) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

func TestRootAutoPool(t *testing.T) {
	g := rootGrant()
	g.etc = etcGrant(t, map[string]string{"subuid": "containers:600000:2000\nana:100000:65536\n"}).etc
	m, err := g.Container(Request{Mode: "auto"})
	if err != nil || m.UIDs.String() != "0 600000 1024" || m.GIDs.String() != "0 2147483648 1024" {
		t.Errorf("got %s | %s, %v", m.UIDs, m.GIDs, err)
	}
	if _, err = g.Container(Request{Mode: "auto:size=3000"}); !errors.Is(err, ErrTooFew) || !strings.Contains(err.Error(), `give "containers" a range in /etc/subuid`) {
		t.Errorf("got %v", err)
	}
}

// Whatever is asked, an answer is a map the kernel takes below the base map.
func FuzzContainer(f *testing.F) {
	f.Add("", "0:0:10,+5:100:1", "g+7:@300005:1")
	f.Add("auto:size=10,uidmapping=3:0:1", "", "")
	f.Add("keep-id:uid=5,gid=6,size=70", "", "")
	f.Fuzz(func(t *testing.T, mode, uidmap, gidmap string) {
		r := Request{Mode: mode}
		if uidmap != "" {
			r.UIDMap = []string{uidmap}
		}
		if gidmap != "" {
			r.GIDMap = []string{gidmap}
		}
		for _, g := range []Grant{uneven(), anaGrant().AsSingle(), rootGrant()} {
			m, err := g.Container(r)
			if err != nil || m.Host || m.Join != "" {
				continue
			}
			for i, cm := range []IDMap{m.UIDs, m.GIDs} {
				if err := cm.Validate(); err != nil {
					t.Fatal(err)
				}
				if cut, all := cm.Within(kinds[i].of(g)); !all || !cut.Equal(cm) {
					t.Fatalf("%s is not below %s", cm, kinds[i].of(g))
				}
			}
		}
	})
}
