package imagelist

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"coracle/storage/record"
)

func images() []record.Entry {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	return []record.Entry{
		{ID: strings.Repeat("a", 64), Names: []string{"docker.io/library/x:1", "quay.io:443/y/x:2"}, Digest: "sha256:d1", Digests: []string{"sha256:d1", "sha256:d2"}, Created: now.Add(-24 * 3 * time.Hour), Size: 5270000, History: []string{"old:1"}, Labels: map[string]string{"k": "v"}},
		{ID: strings.Repeat("b", 64), Names: []string{"localhost/pinned@sha256:d3"}, Digest: "sha256:d3", Digests: []string{"sha256:d3"}, Created: now.Add(-24 * 4 * time.Hour), Size: 1},
		{ID: strings.Repeat("c", 64), Created: now.Add(-24 * 5 * time.Hour), Size: 7},
		{ID: strings.Repeat("d", 64), Created: now, Intermediate: true},
	}
}

func shown(t *testing.T, o Options, all []record.Entry) string {
	t.Helper()
	o.Now = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	rows, err := o.Rows(all)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := o.Print(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrint(t *testing.T) {
	readOnly := images()
	readOnly[2].ReadOnly = true
	for _, tt := range []struct {
		name string
		o    Options
		all  []record.Entry
		want string
	}{
		{"usual", Options{}, images(), `
REPOSITORY           TAG       IMAGE ID      CREATED     SIZE
docker.io/library/x  1         aaaaaaaaaaaa  3 days ago  5.27 MB
quay.io:443/y/x      2         aaaaaaaaaaaa  3 days ago  5.27 MB
localhost/pinned     <none>    bbbbbbbbbbbb  4 days ago  1 B
<none>               <none>    cccccccccccc  5 days ago  7 B
`},
		{"no heading, digests, all", Options{NoHeading: true, Digests: true, All: true}, images()[2:], `
<none>    <none>    <none>    dddddddddddd  Less than a second ago  0 B
<none>    <none>    <none>    cccccccccccc  5 days ago              7 B
`},
		{"read-only, history", Options{History: true, Sort: "size"}, append(readOnly[1:3:3], images()[0]), `
REPOSITORY           TAG       IMAGE ID      CREATED     SIZE      HISTORY   R/O
localhost/pinned     <none>    bbbbbbbbbbbb  4 days ago  1 B       <none>    false
<none>               <none>    cccccccccccc  5 days ago  7 B       <none>    true
docker.io/library/x  1         aaaaaaaaaaaa  3 days ago  5.27 MB   old:1     false
quay.io:443/y/x      2         aaaaaaaaaaaa  3 days ago  5.27 MB   old:1     false
`},
		{"ids", Options{Quiet: true}, images(), "\naaaaaaaaaaaa\nbbbbbbbbbbbb\ncccccccccccc\n"},
		{"whole ids", Options{Quiet: true, NoTrunc: true}, images()[:1], "\nsha256:" + strings.Repeat("a", 64) + "\n"},
		{"by id", Options{Quiet: true, Sort: "id"}, images(), "\naaaaaaaaaaaa\nbbbbbbbbbbbb\ncccccccccccc\n"},
		{"by tag", Options{Quiet: true, Sort: "tag"}, images(), "\naaaaaaaaaaaa\ncccccccccccc\nbbbbbbbbbbbb\n"},
		{"by repository", Options{Quiet: true, Sort: "repository"}, images(), "\ncccccccccccc\naaaaaaaaaaaa\nbbbbbbbbbbbb\n"},
		{"wanted names", Options{Wanted: func(n string) bool { return strings.HasPrefix(n, "quay") }, NoHeading: true}, images()[:1],
			"\nquay.io:443/y/x  2         aaaaaaaaaaaa  3 days ago  5.27 MB\n"},
		{"none", Options{}, nil, "\nREPOSITORY  TAG       IMAGE ID  CREATED   SIZE\n"},
	} {
		if got := shown(t, tt.o, tt.all); got != tt.want[1:] {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want[1:])
		}
	}
	if _, err := (Options{Sort: "odd"}).Rows(nil); err == nil {
		t.Error("an unknown order is accepted")
	}
}

func TestAttackTerminal(t *testing.T) {
	all := images()[:1]
	all[0].Names = []string{"localhost/\x1b[2Jx:\x07"}
	if got := shown(t, Options{}, all); strings.ContainsAny(got, "\x1b\x07") {
		t.Errorf("%q", got)
	}
}

func TestSplit(t *testing.T) {
	for name, want := range map[string][2]string{
		"a:1": {"a", "1"}, "h:5000/a": {"h:5000/a", "<none>"}, "h:5000/a:1": {"h:5000/a", "1"}, "a@sha256:1": {"a", "<none>"}, "a:1@sha256:1": {"a:1", "<none>"}, "<none>": {"<none>", "<none>"},
	} {
		if repo, tag := Split(name); [2]string{repo, tag} != want {
			t.Errorf("%s: %s, %s", name, repo, tag)
		}
	}
}

func TestFields(t *testing.T) {
	all := images()
	rows, err := Options{Now: time.Now()}.Rows(all)
	if err != nil {
		t.Fatal(err)
	}
	r := rows[0]
	if !reflect.DeepEqual(r.RepoTags(), all[0].Names) || len(r.RepoDigests()) != 4 || r.RepoDigests()[0] != "docker.io/library/x@sha256:d1" || r.Label("k") != "v" ||
		r.Labels()["k"] != "v" || r.Id() != all[0].ID || r.Dangling() || r.VirtualSize() != "5.27 MB" || r.History() != "old:1" || len(r.Names()) != 2 ||
		r.Entry() != &all[0] || r.Created() != r.CreatedSince() || r.CreatedTime() != r.CreatedAt() || r.ParentID() != "" {
		t.Errorf("%+v", r)
	}
	if tags := RepoTags(&all[1]); len(tags) != 0 {
		t.Errorf("a name with a digest is no tag: %v", tags)
	}
	raw, err := json.Marshal(r.JSON())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Repository":"docker.io/library/x"`, `"Tag":"1"`, `"ID":"aaaaaaaaaaaa"`, `"Size":"5.27 MB"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s lacks %s", raw, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for _, args := range []string{"", "-a", "-aq", "--all --quiet", "--noheading -n --no-trunc --digests"} {
		if _, ok := Plain(strings.Fields(args)); !ok {
			t.Errorf("%q needs the engine", args)
		}
	}
	for _, args := range []string{"x", "-f a=b", "--filter a=b", "--format json", "-h", "--help", "--all=false", "-", "--", "-aqx", "--sort id", "--history"} {
		if o, ok := Plain(strings.Fields(args)); ok || o.All || o.Quiet {
			t.Errorf("%q: %+v", args, o)
		}
	}
	if o, ok := Plain([]string{"-qan"}); !ok || !o.Quiet || !o.All || !o.NoHeading || o.Digests || o.NoTrunc {
		t.Errorf("%+v, %v", o, ok)
	}
}
