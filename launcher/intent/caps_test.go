package intent

import (
	"slices"
	"strings"
	"testing"
)

func TestDefaultCaps(t *testing.T) {
	got := capList(defaultCaps)
	want := strings.Fields(`CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID
		CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_SETFCAP`)
	equal(t, "default", got, want)
}

func TestMergeCaps(t *testing.T) {
	for _, c := range []struct {
		add, drop  string
		privileged bool
		last       int
		n          int
		has, not   string
	}{
		{"", "", false, 40, 11, "CAP_CHOWN", "CAP_NET_RAW"},
		{"net_raw", "", false, 40, 12, "CAP_NET_RAW", "CAP_SYS_ADMIN"},
		{"CAP_NET_RAW Sys_Ptrace", "kill", false, 40, 12, "CAP_SYS_PTRACE", "CAP_KILL"},
		{"", "all", false, 40, 0, "", "CAP_CHOWN"},
		{"chown", "ALL", false, 40, 1, "CAP_CHOWN", "CAP_KILL"},
		{"all", "", false, 40, 41, "CAP_CHECKPOINT_RESTORE", ""},
		{"ALL", "sys_admin", false, 40, 40, "CAP_BPF", "CAP_SYS_ADMIN"},
		{"all", "", false, 37, 38, "CAP_AUDIT_READ", "CAP_PERFMON"},
		{"", "", true, 40, 41, "CAP_SYS_ADMIN", ""},
		{"", "mknod", true, 40, 40, "CAP_SYS_ADMIN", "CAP_MKNOD"},
		{"", "net_raw", false, 40, 11, "CAP_CHOWN", "CAP_NET_RAW"},
		{"", "", true, 50, 41, "", ""},
	} {
		set, err := mergeCaps(strings.Fields(c.add), strings.Fields(c.drop), c.privileged, c.last)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		l := capList(set)
		if len(l) != c.n || c.has != "" && !slices.Contains(l, c.has) || slices.Contains(l, c.not) {
			t.Errorf("%+v: %v", c, l)
		}
	}
	for _, c := range []struct {
		add, drop  string
		privileged bool
		kind       error
	}{
		{"sys_fly", "", false, ErrInvalid},
		{"", "CAP_", false, ErrInvalid},
		{"kill", "KILL", false, ErrConflict},
		{"all", "all", false, ErrConflict},
		{"", "all", true, ErrConflict},
		{"bpf", "", false, ErrUnsupported},
	} {
		_, err := mergeCaps(strings.Fields(c.add), strings.Fields(c.drop), c.privileged, 38)
		wantErr(t, err, c.kind)
	}
}

// CVE-2022-29162: inheritable capabilities must be empty for every user and with every flag.
func TestInheritableAndAmbientAreEmpty(t *testing.T) {
	for _, change := range []func(*Options){
		nil,
		func(o *Options) { o.User = "ana" },
		func(o *Options) { o.CapAdd = []string{"all"} },
		func(o *Options) { o.User, o.CapAdd = "1000", []string{"net_raw"} },
		func(o *Options) { o.Privileged = true },
		func(o *Options) { o.Privileged, o.User = true, "ana" },
	} {
		s, _ := mustBuild(t, ask(change))
		c := s.Process.Capabilities
		if len(c.Inheritable) != 0 || len(c.Ambient) != 0 {
			t.Errorf("%+v", c)
		}
		if root := s.Process.User.UID == 0; root != (len(c.Effective) > 0) || root != (len(c.Permitted) > 0) || len(c.Bounding) == 0 {
			t.Errorf("uid %d: %+v", s.Process.User.UID, c)
		}
	}
}

func TestCapAddOfAnotherUserIsSaid(t *testing.T) {
	_, e := mustBuild(t, ask(func(o *Options) { o.User, o.CapAdd = "ana", []string{"net_raw"} }))
	if !strings.Contains(strings.Join(e.Warnings, " "), "bounding set") {
		t.Errorf("%q", e.Warnings)
	}
}
