package intent

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type helpFlag bool

func (helpFlag) BeforeReset() error { return nil }

// parseLine runs the tags through kong as cmd does.
func parseLine(t *testing.T, args ...string) (Options, error) {
	t.Helper()
	var cli struct {
		Help helpFlag `help:"Help."`
		Run  struct {
			Options `embed:""`
		} `cmd:""`
	}
	k, err := kong.New(&cli, kong.NoDefaultHelp(), kong.WithHyphenPrefixedParameters(true),
		kong.Exit(func(int) { t.Fatal("kong exits") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(append([]string{"run"}, args...))
	return cli.Run.Options, err
}

// What follows the image is the command's, as in docker.
func TestPassthrough(t *testing.T) {
	for _, c := range []struct {
		line    string
		image   string
		command []string
	}{
		{"", "", nil},
		{"debian", "debian", nil},
		{"-it debian ls -l", "debian", []string{"ls", "-l"}},
		{"--rm -ti debian", "debian", nil},
		{"--rm image -- x", "image", []string{"--", "x"}},
		{"--rm -- image x -y", "image", []string{"x", "-y"}},
		{"curl -v https://x", "curl", []string{"-v", "https://x"}},
		{"debian --rm -e A=b --privileged", "debian", []string{"--rm", "-e", "A=b", "--privileged"}},
		{"debian sh -c --help", "debian", []string{"sh", "-c", "--help"}},
		{"--rootfs /srv/root:O sh", "/srv/root:O", []string{"sh"}},
		{"-v /a:/b -w /x oci:dir:ref cmd --", "oci:dir:ref", []string{"cmd", "--"}},
		{"--entrypoint /bin/sh -l k=v img -c script -", "img", []string{"-c", "script", "-"}},
	} {
		o, err := parseLine(t, strings.Fields(c.line)...)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if o.Image() != c.image || !slices.Equal(o.Command(), c.command) {
			t.Errorf("%s: image %q command %q", c.line, o.Image(), o.Command())
		}
	}
}

func TestUnknownFlagIsNotTheImage(t *testing.T) {
	for _, line := range []string{"--rmm debian", "--health-dance x debian", "--gpus all debian", "-Z debian", "--memory-swop 1 debian"} {
		if _, err := parseLine(t, strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), "unknown flag") {
			t.Errorf("%s: error %v", line, err)
		}
	}
}

func TestFlagForms(t *testing.T) {
	for _, c := range []struct {
		args []string
		want func(*Options)
	}{
		{nil, func(*Options) {}},
		{[]string{"-it", "--rm"}, func(o *Options) { o.Interactive, o.TTY, o.Rm = true, true, true }},
		{[]string{"--sig-proxy=false"}, func(o *Options) { o.SigProxy = false }},
		{[]string{"--no-sig-proxy", "--no-read-only-tmpfs"}, func(o *Options) { o.SigProxy, o.ReadOnlyTmpfs = false, false }},
		{[]string{"--read-only-tmpfs=false", "--rm=true"}, func(o *Options) { o.ReadOnlyTmpfs, o.Rm = false, true }},
		{[]string{"-e", "A=b,c", "-eB=d", "--env=C"}, func(o *Options) { o.Env = []string{"A=b,c", "B=d", "C"} }},
		{[]string{"--entrypoint", ""}, func(o *Options) { o.Entrypoint = ptr("") }},
		{[]string{"--entrypoint="}, func(o *Options) { o.Entrypoint = ptr("") }},
		{[]string{"--detach-keys="}, func(o *Options) { o.DetachKeys = ptr("") }},
		{[]string{"-h", "box", "--net", "host"}, func(o *Options) { o.Hostname, o.Network = "box", []string{"host"} }},
		{[]string{"--mount", "type=bind,src=/a,dst=/b"}, func(o *Options) { o.Mount = []string{"type=bind,src=/a,dst=/b"} }},
		{[]string{"--cap-add", "a,b", "--cap-add", "c"}, func(o *Options) { o.CapAdd = []string{"a,b", "c"} }},
		{[]string{"--oom-score-adj", "-5", "--stop-timeout", "-1"}, func(o *Options) { o.OOMScoreAdj, o.StopTimeout = ptr(-5), ptr(-1) }},
		{[]string{"--pids-limit", "-1"}, func(o *Options) { o.PidsLimit = ptr(int64(-1)) }},
		{[]string{"--uidmap", "0:1:2", "--gidmap=0:1:2"}, func(o *Options) { o.UIDMap, o.GIDMap = []string{"0:1:2"}, []string{"0:1:2"} }},
		{[]string{"--time-offset", "boottime=1,monotonic=-2"}, func(o *Options) { o.TimeOffset = []string{"boottime=1,monotonic=-2"} }},
		{[]string{"--http-proxy", "--env-host", "--dns-opt=a"}, func(o *Options) { o.HTTPProxy, o.EnvHost, o.DNSOption = true, true, []string{"a"} }},
		{[]string{"-d", "-p", "80:80", "-m", "1g"}, func(o *Options) { o.Detach, o.Publish, o.Memory = true, []string{"80:80"}, "1g" }},
	} {
		want := Defaults()
		c.want(&want)
		want.Argv = []string{"img"}
		got, err := parseLine(t, append(c.args, "img")...)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", c.args, got, want)
		}
	}
}

// All flags by name, so that none is lost to a renamed field.
func TestFlagNames(t *testing.T) {
	var cli Options
	k, err := kong.New(&cli, kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, f := range k.Model.Flags {
		have[f.Name] = true
		if !f.Hidden && f.Help == "" {
			t.Errorf("--%s has no help", f.Name)
		}
	}
	for _, f := range strings.Fields(`name interactive tty rm entrypoint env env-file workdir user group-add volume mount tmpfs
		read-only read-only-tmpfs device shm-size hostname domainname add-host dns dns-search dns-option no-hosts no-hostname
		network userns uidmap gidmap subuidname subgidname pid ipc uts cgroupns time-offset cap-add cap-drop security-opt
		privileged ulimit sysctl oom-score-adj init init-path sig-proxy timeout cidfile pidfile label label-file annotation
		pull platform arch os quiet rootfs stop-signal stop-timeout umask tz unsetenv unsetenv-all http-proxy env-host
		log-driver detach-keys preserve-fds systemd replace explain publish detach memory cpus pids-limit restart`) {
		if !have[f] {
			t.Errorf("there is no --%s", f)
		}
	}
}

func TestNotYet(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		text   string
	}{
		{func(o *Options) { o.UTS = "ns:/proc/1/ns/uts" }, "--uts ns:PATH"},
	} {
		_, _, err := Build(ask(c.change))
		wantErr(t, err, ErrNotYet, "not yet available in this version: ", c.text, "\n  fix: ")
	}
	for _, ok := range []func(*Options){
		func(o *Options) { o.PidsLimit = ptr(int64(-1)) }, func(o *Options) { o.PidsLimit = ptr(int64(0)) },
		func(o *Options) { o.Restart = "no" }, func(o *Options) { o.CPUs, o.Memory = "0", "0" },
	} {
		mustBuild(t, ask(ok))
	}
}
