package userns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSingleNote(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		says  []string
	}{
		{"no line for a local user", map[string]string{
			"passwd": anaPasswd,
			"subuid": "bob:100000:65536\n", "subgid": "bob:100000:65536\neve:165536:65536\n",
		}, []string{"only one id", `no range for "ana" in /etc/subuid and /etc/subgid`,
			"fix: sudo usermod --add-subuids 231072-296607 --add-subgids 231072-296607 ana"}},
		{"no file", map[string]string{"passwd": anaPasswd},
			[]string{"fix: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ana"}},
		{"groups only", map[string]string{"passwd": anaPasswd, "subgid": "ana:100000:65536\n"},
			[]string{`no range for "ana" in /etc/subuid;`, "fix: sudo usermod --add-subuids 165536-231071 ana"}},
		{"uids only", map[string]string{"passwd": anaPasswd, "subuid": "ana:100000:65536\n"},
			[]string{`no range for "ana" in /etc/subgid;`, "fix: sudo usermod --add-subgids 165536-231071 ana"}},
		{"a user whom usermod does not know", nil,
			[]string{"fix: echo '1000:100000:65536' | sudo tee -a /etc/subuid /etc/subgid"}},
		{"a person lives in the range", map[string]string{
			"passwd": anaPasswd + "eve:x:120000:120000::/:/bin/sh\n", "group": "g:x:150000:\n"},
			[]string{"--add-subuids 150001-215536"}},
		{"asked in vain", map[string]string{"passwd": anaPasswd, "nsswitch.conf": "subid: sss\n"},
			[]string{"getsubids knows no ranges", `"subid: files"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testSystem(t, c.files)
			var ran []string
			s.answers(&ran, map[string]string{"getsubids nobody": ""})
			g := s.lookup(t.Context())
			for _, words := range c.says {
				if !strings.Contains(g.Note, words) {
					t.Errorf("note %q does not say %q", g.Note, words)
				}
			}
		})
	}
}

func TestSingleNoteUnreadable(t *testing.T) {
	s := testSystem(t, map[string]string{"passwd": anaPasswd})
	// A directory in the place of the file cannot be read, by root neither.
	if err := os.Mkdir(filepath.Join(s.etc, subUIDFile), 0o755); err != nil {
		t.Fatal(err)
	}
	g := s.lookup(t.Context())
	if !g.Single || !strings.Contains(g.Note, "is a directory") || strings.Contains(g.Note, "\n") {
		t.Errorf("note %q", g.Note)
	}
}

func TestAsSingle(t *testing.T) {
	g := anaGrant().AsSingle()
	if g.UIDs.String() != "0 1000 1" || g.GIDs.String() != "0 1000 1" || !g.Single || g.Source != SourceSingle {
		t.Errorf("got %+v", g)
	}
	if base := anaGrant(); base.Single {
		t.Error("the receiver changed")
	}
}

func TestFreeRange(t *testing.T) {
	for _, c := range []struct {
		size  uint64
		used  spans
		first uint64
		ok    bool
	}{
		{65536, nil, 100000, true},
		{65536, spans{{100000, 165536}}, 165536, true},
		{65536, spans{{0, 100001}}, 100001, true},
		{65536, spans{{150000, 150001}}, 150001, true},
		{65536, spans{{100000, maxID - 65536}}, maxID - 65536, true},
		{65536, spans{{100000, maxID - 65535}}, 0, false},
		{65536, spans{{0, maxID}}, 0, false},
		{60000, spans{{140000, 145000}, {190000, maxID}}, 0, false}, // in two pieces only
	} {
		if first, ok := freeRange(c.size, c.used); first != c.first || ok != c.ok {
			t.Errorf("%d beside %v: %d, %v", c.size, c.used, first, ok)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"ana": "ana", `CORP\ana`: `'CORP\ana'`, "a$": "'a$'", "": "''", "a@b.c": "a@b.c"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}
