package format

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

type row struct {
	ID       string
	RepoTags []string
	labels   map[string]string
}

func (r row) Label(k string) string { return r.labels[k] }
func (r row) Upper() string         { return strings.ToUpper(r.ID) }

type other struct{ Name string }

func (o other) JSON() any { return map[string]string{"name": o.Name} }

func rows() []row {
	return []row{
		{"abc", []string{"x:1", "y:2"}, map[string]string{"k": "v"}},
		{"longer-than-ten\x1b[31m", nil, nil},
	}
}

func TestList(t *testing.T) {
	for _, tt := range []struct {
		name string
		list List
		want string
	}{
		{"default", List{Default: "{{.ID}}\t{{len .RepoTags}}"}, "ID                    9\nabc                   2\nlonger-than-ten?[31m  0\n"},
		{"table", List{Format: `table {{.ID}}\t{{join .RepoTags ","}}`}, "ID                    REPO TAGS\nabc                   x:1,y:2\nlonger-than-ten?[31m  \n"},
		{"no heading", List{Default: "{{.Upper}}", NoHeading: true}, "ABC\nLONGER-THAN-TEN?[31M\n"},
		{"title", List{Default: "{{.ID}}", Headers: map[string]string{"ID": "IMAGE ID"}}, "IMAGE ID\nabc\nlonger-than-ten?[31m\n"},
		{"escapes in an action", List{Format: `{{.ID}}{{"\t"}}\t{{printf "x\n"}}`}, "abc\t\tx\n\nlonger-than-ten\x1b[31m\t\tx\n\n"},
		{"template", List{Format: `{{.ID}}\t{{.Label "k"}}`}, "abc\tv\nlonger-than-ten\x1b[31m\t\n"},
		{"range", List{Format: `{{range .}}{{.Upper}};{{end}}`}, "ABC;LONGER-THAN-TEN\x1b[31M;"},
		{"label title", List{Format: `table {{.Label "k"}}`}, "K\nv\n\n"},
		{"functions", List{Format: `{{upper .ID | printf "%q"}} {{json .RepoTags}} {{truncate .ID 2}} {{title .ID}} {{pad "x" 1 1}}`},
			"\"ABC\" [\"x:1\",\"y:2\"] ab Abc  x \n\"LONGER-THAN-TEN\\x1b[31M\" null lo Longer-than-ten\x1b[31m  x \n"},
	} {
		var b strings.Builder
		if err := tt.list.Print(&b, rows()); err != nil || b.String() != tt.want {
			t.Errorf("%s: %v\ngot  %q\nwant %q", tt.name, err, b.String(), tt.want)
		}
	}
}

func TestListJSON(t *testing.T) {
	var b strings.Builder
	if err := (List{Format: "json"}).Print(&b, []other{{"<a>"}}); err != nil || strings.Join(strings.Fields(b.String()), "") != `[{"name":"<a>"}]` {
		t.Errorf("%v %q", err, b.String())
	}
	b.Reset()
	if err := (List{Format: "json"}).Print(&b, []other{}); err != nil || b.String() != "[]\n" {
		t.Errorf("%v %q", err, b.String())
	}
}

func TestInspect(t *testing.T) {
	for format, want := range map[string]string{
		"{{.Name}}": "a\nb\n", `{{json .}}`: "{\"name\":\"a\"}\n{\"name\":\"b\"}\n",
	} {
		var b strings.Builder
		if err := Inspect(&b, format, []any{other{"a"}, other{"b"}}); err != nil || b.String() != want {
			t.Errorf("%s: %v %q", format, err, b.String())
		}
	}
	type port struct {
		HostIP string `json:"HostIp"`
		Number int    `json:"n"`
	}
	type made struct {
		Ports  map[string][]port
		Labels map[string]string
	}
	values := []any{
		made{Ports: map[string][]port{"80/tcp": {{"127.0.0.1", 12345678}}}, Labels: map[string]string{"a": "b"}},
		made{Ports: map[string][]port{"80/tcp": {{"::1", 2}}}},
	}
	for format, want := range map[string]string{
		`{{(index (index .Ports "80/tcp") 0).HostIP}}{{.Labels.a}}`:                            "127.0.0.1b\n::1<no value>\n",
		`{{(index (index .Ports "80/tcp") 0).HostIp}} {{(index (index .Ports "80/tcp") 0).n}}`: "127.0.0.1 12345678\n::1 2\n",
	} {
		var b strings.Builder
		if err := Inspect(&b, format, values); err != nil || b.String() != want {
			t.Errorf("%s: %v %q", format, err, b.String())
		}
	}
	var none strings.Builder
	if err := Inspect(&none, `{{(index .Ports "80/tcp").Host}}`, values); err == nil || none.Len() > 0 || !strings.Contains(err.Error(), "can't evaluate field Host") {
		t.Errorf("%v %q", err, none.String())
	}
	var b strings.Builder
	if err := Inspect(&b, "", []any{other{"a"}}); err != nil || !strings.HasPrefix(b.String(), "[") {
		t.Errorf("%v %q", err, b.String())
	}
}

func TestErrors(t *testing.T) {
	for _, f := range []string{"{{.ID", "{{.Nothing}}", "{{nothing .}}", "table {{.Nothing.More}}"} {
		if err := (List{Format: f}).Print(&strings.Builder{}, rows()); err == nil || !strings.HasPrefix(err.Error(), "--format: ") {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 5273000: "5.27 MB", 123456789012: "123 GB", -1: "unknown"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	now := time.Unix(1e9, 0)
	for ago, want := range map[time.Duration]string{
		0: "Less than a second ago", time.Second: "1 second ago", 59 * time.Second: "59 seconds ago", time.Minute: "About a minute ago",
		time.Hour: "About an hour ago", 47 * time.Hour: "47 hours ago", 72 * time.Hour: "3 days ago", 24 * 20 * time.Hour: "2 weeks ago",
		24 * 100 * time.Hour: "3 months ago", 24 * 800 * time.Hour: "2 years ago",
	} {
		if got := Age(now.Add(-ago), now); got != want {
			t.Errorf("%v: %q", ago, got)
		}
	}
	if Age(time.Time{}, now) != "N/A" || ShortID("sha256:0123456789abcdef") != "0123456789ab" {
		t.Error("zero time or id")
	}
}

// A label must not steer the terminal of whoever inspects it.
func TestAttackJSON(t *testing.T) {
	want := "a\u009b2J\x7f\x1bü"
	var b strings.Builder
	if err := Inspect(&b, "", []any{want}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\u009b\x7f\x1b") {
		t.Errorf("%q", b.String())
	}
	var got []string
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%q, %v", got, err)
	}
	b.Reset()
	if err := Inspect(&b, "{{json .}}", []any{want}); err != nil || strings.ContainsAny(b.String(), "\u009b\x7f\x1b") {
		t.Errorf("%q, %v", b.String(), err)
	}
}
