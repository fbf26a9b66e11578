package imageconf

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

func base() *Config {
	return &Config{ImageConfig: imgspec.ImageConfig{
		Env: []string{"PATH=/bin", "HOME=/root"}, Cmd: []string{"bash"}, WorkingDir: "/srv",
		Labels: map[string]string{"a": "1"},
	}}
}

func TestApply(t *testing.T) {
	set := func(names ...string) map[string]struct{} {
		m := map[string]struct{}{}
		for _, n := range names {
			m[n] = struct{}{}
		}
		return m
	}
	for _, tt := range []struct {
		changes []string
		want    func(*Config)
	}{
		{nil, func(*Config) {}},
		{[]string{"CMD top -b"}, func(c *Config) { c.Cmd = []string{"/bin/sh", "-c", "top -b"} }},
		{[]string{`CMD ["top", "-b"]`}, func(c *Config) { c.Cmd = []string{"top", "-b"} }},
		{[]string{"cmd=/bin/sh"}, func(c *Config) { c.Cmd = []string{"/bin/sh", "-c", "/bin/sh"} }},
		{[]string{`CMD=["a"]`}, func(c *Config) { c.Cmd = []string{"a"} }},
		{[]string{`CMD [not json`}, func(c *Config) { c.Cmd = []string{"/bin/sh", "-c", "[not json"} }},
		{[]string{`CMD []`}, func(c *Config) { c.Cmd = []string{} }},
		{[]string{`ENTRYPOINT ["/app"]`}, func(c *Config) { c.Entrypoint, c.Cmd = []string{"/app"}, nil }},
		{[]string{`CMD ["x"]`, `ENTRYPOINT ["/app"]`}, func(c *Config) { c.Entrypoint, c.Cmd = []string{"/app"}, []string{"x"} }},
		{[]string{"ENV A=1 B=two\\ words C='$A' D=\"$A $PATH\""}, func(c *Config) {
			c.Env = append(c.Env, "A=1", "B=two words", "C=$A", "D= /bin")
		}},
		{[]string{"ENV PATH=$PATH:/opt/bin"}, func(c *Config) { c.Env[0] = "PATH=/bin:/opt/bin" }},
		{[]string{"ENV GREETING hello  big world"}, func(c *Config) { c.Env = append(c.Env, "GREETING=hello  big world") }},
		{[]string{"ENV=A=1"}, func(c *Config) { c.Env = append(c.Env, "A=1") }},
		{[]string{"ENV X=${HOME}/x Y=${NONE:-d} Z=${HOME:+s} W=${HOME:-d}${NONE:+s} V=\\$HOME U=$ T=\"a\\\"b\\c\""}, func(c *Config) {
			c.Env = append(c.Env, "X=/root/x", "Y=d", "Z=s", "W=/root", "V=$HOME", "U=$", `T=a"b\c`)
		}},
		{[]string{"LABEL a=2 \"b c\"=\"d e\""}, func(c *Config) { c.Labels = map[string]string{"a": "2", "b c": "d e"} }},
		{[]string{"EXPOSE 80 443/TCP 8000-8002/udp"}, func(c *Config) {
			c.ExposedPorts = set("80/tcp", "443/tcp", "8000/udp", "8001/udp", "8002/udp")
		}},
		{[]string{"VOLUME /data /var/lib/x/", `VOLUME ["/with space"]`}, func(c *Config) { c.Volumes = set("/data", "/var/lib/x", "/with space") }},
		{[]string{"WORKDIR sub/../dir"}, func(c *Config) { c.WorkingDir = "/srv/dir" }},
		{[]string{"WORKDIR /a/../b", "WORKDIR c"}, func(c *Config) { c.WorkingDir = "/b/c" }},
		{[]string{"USER 1000:1000", "STOPSIGNAL SIGRTMIN+3"}, func(c *Config) { c.User, c.StopSignal = "1000:1000", "SIGRTMIN+3" }},
		{[]string{"onbuild RUN make", "ONBUILD COPY . /"}, func(c *Config) { c.OnBuild = []string{"RUN make", "COPY . /"} }},
	} {
		got, want := base(), base()
		tt.want(want)
		if err := Apply(got, tt.changes); err != nil {
			t.Errorf("%q: %v", tt.changes, err)
			continue
		}
		// Not nil against empty: in JSON they are the same.
		if g, w := jsonText(t, got), jsonText(t, want); g != w {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.changes, g, w)
		}
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestApplyErrors(t *testing.T) {
	for change, say := range map[string]string{
		"":                                      "empty",
		"  ":                                    "empty",
		"RUN make":                              "unknown instruction \"RUN\"",
		"HEALTHCHECK NONE":                      "unknown instruction",
		"CMD":                                   "needs a value",
		"CMD=":                                  "needs a value",
		"ENV A":                                 "not NAME=VALUE",
		"ENV =x":                                "not NAME=VALUE",
		"ENV A=1 B":                             "not NAME=VALUE",
		"ENV A='x":                              "single quote",
		"ENV A=\"x":                             "double quote",
		"ENV A=x\\":                             "backslash",
		"ENV A=${":                              "no variable",
		"ENV A=${1}":                            "no variable",
		"ENV A=${HOME?x}":                       "${NAME}",
		"EXPOSE 0":                              "PORT",
		"EXPOSE 80/icmp":                        "PORT",
		"EXPOSE 90-80":                          "PORT",
		"EXPOSE 65536":                          "PORT",
		"VOLUME data":                           "absolute",
		"VOLUME /":                              "absolute",
		"WORKDIR a b":                           "one value",
		"USER ''":                               "one value",
		"STOPSIGNAL SIGNOTHING":                 "no signal",
		"STOPSIGNAL 65":                         "no signal",
		"STOPSIGNAL RTMIN-1":                    "no signal",
		"ONBUILD ONBUILD RUN x":                 "ONBUILD cannot be an ONBUILD",
		"ONBUILD from x":                        "FROM cannot",
		"CMD " + strings.Repeat("x", maxChange): "longer",
	} {
		got := base()
		err := Apply(got, []string{"USER changed", change})
		if !errors.Is(err, ErrChange) || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v, want %q", short(change), err, say)
		}
		if !reflect.DeepEqual(got, base()) {
			t.Errorf("%q: changed in part: %+v", short(change), got)
		}
	}
	if err := Apply(base(), make([]string, maxChanges+1)); err == nil {
		t.Error("any number of changes passes")
	}
}

// TestDoubling has variables that grow with each use.
func TestDoubling(t *testing.T) {
	changes := []string{"ENV A=" + strings.Repeat("x", 1000)}
	for range 40 {
		changes = append(changes, "ENV A=$A$A")
	}
	if err := Apply(base(), changes); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Error(err)
	}
}

func TestSignals(t *testing.T) {
	for s, want := range map[string]bool{"SIGTERM": true, "term": true, "9": true, "64": true, "RTMAX-30": true, "SIGRTMIN": true,
		"0": false, "-1": false, "SIG": false, "RTMIN+31": false, "RTMIN+": false, "RTMAX+1": false} {
		if isSignal(s) != want {
			t.Errorf("%q is %v", s, !want)
		}
	}
}

func TestEntry(t *testing.T) {
	at := time.Unix(5, 0)
	h := Entry(at, "tar", "ana", "why", []string{"CMD x", "USER y"}, false)
	if h.CreatedBy != "tar; /bin/sh -c #(nop) CMD x; /bin/sh -c #(nop) USER y" || h.Author != "ana" || h.Comment != "why" || !h.Created.Equal(at) {
		t.Errorf("%+v", h)
	}
	if h := Entry(at, "", "", "", []string{"CMD x"}, true); h.CreatedBy != "/bin/sh -c #(nop) CMD x" || !h.EmptyLayer {
		t.Errorf("%+v", h)
	}
}

// TestImageJSON has fields beyond the OCI's survive, in docker's places.
func TestImageJSON(t *testing.T) {
	const text = `{"architecture":"amd64","os":"linux","config":{"User":"x","OnBuild":["RUN y"],"Healthcheck":{"Test":["NONE"]},"Shell":["/bin/zsh"]},` +
		`"rootfs":{"type":"layers","diff_ids":["sha256:00"]},"comment":"hello"}`
	var i Image
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		t.Fatal(err)
	}
	if i.Config.User != "x" || i.Architecture != "amd64" || len(i.RootFS.DiffIDs) != 1 {
		t.Errorf("%+v", i)
	}
	var got, want any
	json.Unmarshal([]byte(jsonText(t, i)), &got)
	json.Unmarshal([]byte(text), &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", jsonText(t, i), text)
	}
}

func FuzzApply(f *testing.F) {
	for _, s := range []string{"CMD x", `CMD ["a"]`, "ENV A=${B:-c} D='e'", "EXPOSE 1-65535/udp", "LABEL \"a b\"=c\\ d", "VOLUME [\"/x\"]",
		"WORKDIR ../..", "STOPSIGNAL RTMIN+1", "ONBUILD RUN x", "ENV=A=1", "USER $HOME"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, change string) {
		c := base()
		if err := Apply(c, []string{change}); err != nil {
			if !reflect.DeepEqual(c, base()) {
				t.Errorf("changed in part: %+v", c)
			}
			return
		}
		for _, kv := range c.Env {
			if i := strings.IndexByte(kv, '='); i <= 0 {
				t.Errorf("variable %q", kv)
			}
		}
		for v := range c.Volumes {
			if !strings.HasPrefix(v, "/") || v == "/" {
				t.Errorf("volume %q", v)
			}
		}
		if !strings.HasPrefix(c.WorkingDir, "/") {
			t.Errorf("directory %q", c.WorkingDir)
		}
	})
}
