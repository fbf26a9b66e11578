package intent

import (
	"slices"
	"strings"
	"testing"
)

func envOf(t *testing.T, in Input) []string {
	t.Helper()
	s, _ := mustBuild(t, in)
	return s.Process.Env
}

func TestEnv(t *testing.T) {
	const path, host, ctr = "PATH=/usr/local/bin:/usr/bin:/bin", "HOSTNAME=0123456789ab", "container=oci"
	base := []string{path, host, ctr, "LANG=C.UTF-8", "HOME=/root"}
	with := func(more ...string) []string { return append(slices.Clone(base), more...) }
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   []string
	}{
		{"set", func(o *Options) { o.Env = []string{"A=1", "B=", "C=a=b"} }, with("A=1", "B=", "C=a=b")},
		{"later wins and keeps its place", func(o *Options) { o.Env = []string{"A=1", "B=2", "A=3"} }, with("A=3", "B=2")},
		{"over the image", func(o *Options) { o.Env = []string{"LANG=de"} }, []string{path, host, ctr, "LANG=de", "HOME=/root"}},
		{"over home", func(o *Options) { o.Env = []string{"HOME=/h"} }, []string{path, host, ctr, "LANG=C.UTF-8", "HOME=/h"}},
		{"from the host", func(o *Options) { o.Env = []string{"SECRET", "ABSENT"} }, with("SECRET=s3")},
		{"absent on the host removes", func(o *Options) { o.Env = []string{"PATH"} }, []string{host, ctr, "LANG=C.UTF-8", "HOME=/root"}},
		{"pattern", func(o *Options) { o.Env = []string{"LC_*"} }, with("LC_ALL=C", "LC_TIME=de")},
		{"pattern with a value is a name", func(o *Options) { o.Env = []string{"LC_*=x"} }, with("LC_*=x")},
		{"file", func(o *Options) { o.EnvFile = []string{"vars"} }, with("A=1", "B=two words ", "SECRET=s3")},
		{"flag over file", func(o *Options) { o.EnvFile, o.Env = []string{"/home/me/vars"}, []string{"A=2"} }, with("A=2", "B=two words ", "SECRET=s3")},
		{"unset", func(o *Options) { o.Unsetenv = []string{"LANG", "NONE", "HOME"} }, []string{path, host, ctr}},
		{"unset does not reach --env", func(o *Options) { o.Unsetenv, o.Env = []string{"A", "LANG"}, []string{"A=1"} }, []string{path, host, ctr, "HOME=/root", "A=1"}},
		{"unset all", func(o *Options) { o.UnsetenvAll, o.Env = true, []string{"A=1"} }, []string{"A=1"}},
		{"proxy", func(o *Options) { o.HTTPProxy = true }, with("http_proxy=http://p")},
		{"terminal", func(o *Options) { o.TTY = true }, []string{path, host, "TERM=xterm", ctr, "LANG=C.UTF-8", "HOME=/root"}},
		{"host", func(o *Options) { o.EnvHost = true },
			[]string{path, host, ctr, "LANG=C", "HOME=/root", "LC_ALL=C", "LC_TIME=de", "SECRET=s3", "http_proxy=http://p"}},
	} {
		t.Run(c.name, func(t *testing.T) { equal(t, "env", envOf(t, ask(c.change)), c.want) })
	}
}

// CVE-2026-57231: an image must not be able to name variables of the host.
func TestImageEnvNeverReadsTheHost(t *testing.T) {
	in := ask(nil)
	in.Image.Env = []string{"SECRET", "*", "SEC*", "", "=x", "LC_*", "OK=1", "N=a\x00b"}
	env := envOf(t, in)
	equal(t, "env", env, []string{strings.Clone(defaultPath), "HOSTNAME=0123456789ab", "container=oci", "OK=1", "HOME=/root"})
	for _, kv := range env {
		if strings.Contains(kv, "s3") {
			t.Errorf("the host's secret is in %q", kv)
		}
	}
}

func TestEnvErrors(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		kind   error
		text   string
	}{
		{func(o *Options) { o.Env = []string{""} }, ErrInvalid, "--env"},
		{func(o *Options) { o.Env = []string{"*"} }, ErrInvalid, "--env-host"},
		{func(o *Options) { o.Env = []string{"A=\x00"} }, ErrInvalid, "NUL"},
		{func(o *Options) { o.EnvFile = []string{"nope"} }, ErrNotFound, "--env-file nope"},
		{func(o *Options) { o.EnvFile = []string{"star"} }, ErrInvalid, "pattern"},
		{func(o *Options) { o.Unsetenv = []string{"A=1"} }, ErrInvalid, "--unsetenv"},
	} {
		_, _, err := Build(ask(c.change))
		wantErr(t, err, c.kind, c.text)
	}
}

// Docker's own examples of the format.
func TestKVFile(t *testing.T) {
	got, err := parseKVFile("f", []byte("\uFEFFfirst=1\r\n# comment\n\n  lead=x\n\ttab=y\nquoted=\"a b\"\nspaces=  a  \nname\nempty=\n"+
		"with.dots-and*=1\n   # comment too\nlast=no newline"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "lines", got, []string{"first=1", "lead=x", "tab=y", "quoted=\"a b\"", "spaces=  a  ", "name", "empty=", "with.dots-and*=1", "last=no newline"})
	for _, bad := range []string{"=x", "a b=c", "a \n", "\xff=1", "a=\x00", "ok=1\n =2\n", "a\tb"} {
		if got, err := parseKVFile("f", []byte(bad)); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
	_, err = parseKVFile("--env-file x", []byte("a=1\n\n=2\n"))
	wantErr(t, err, ErrInvalid, "--env-file x, line 3")
}

func FuzzKVFile(f *testing.F) {
	f.Add([]byte("A=1\n#x\n B\n"))
	f.Add([]byte("\uFEFF=\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := parseKVFile("f", data)
		if err != nil {
			return
		}
		for _, l := range lines {
			key, _, _ := strings.Cut(l, "=")
			if key == "" || key[0] == '#' || strings.ContainsAny(key, " \t\n") || strings.ContainsAny(l, "\n\x00") {
				t.Errorf("line %q of %q", l, data)
			}
		}
		if strings.Contains(string(data), "\r") {
			return // one \r at the end of a line goes with each reading
		}
		again, err := parseKVFile("f", []byte(strings.Join(lines, "\n")))
		if err != nil || !slices.Equal(again, lines) {
			t.Errorf("%q reads as %q and then %q %v", data, lines, again, err)
		}
	})
}

func TestLabels(t *testing.T) {
	in := ask(func(o *Options) {
		o.Label, o.LabelFile = []string{"a=1", "team=y", "bare"}, []string{"labels"}
		o.Annotation = []string{"run.oci.x=1", "e="}
	})
	in.Image.Labels = map[string]string{"a": "0", "img": "i"}
	s, e := mustBuild(t, in)
	want := map[string]string{"a": "1", "img": "i", "team": "y", "bare": "", "flag": ""}
	if len(e.Labels) != len(want) {
		t.Errorf("%v", e.Labels)
	}
	for k, v := range want {
		if got, ok := e.Labels[k]; !ok || got != v {
			t.Errorf("%s: %q", k, got)
		}
	}
	if len(s.Annotations) != 2 || s.Annotations["run.oci.x"] != "1" {
		t.Errorf("%v", s.Annotations)
	}
	for _, c := range []struct {
		change func(*Options)
		kind   error
	}{
		{func(o *Options) { o.Annotation = []string{"x"} }, ErrInvalid},
		{func(o *Options) { o.Annotation = []string{"=x"} }, ErrInvalid},
		{func(o *Options) { o.LabelFile = []string{"nope"} }, ErrNotFound},
	} {
		_, _, err := Build(ask(c.change))
		wantErr(t, err, c.kind)
	}
}
