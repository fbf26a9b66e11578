package userns

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fineHost is a host on which nothing is in the way.
func fineHost() host {
	return host{
		noNewPrivs:  func() bool { return false },
		bounding:    func(uint) bool { return true },
		effective:   func() uint64 { return mapCaps },
		stat:        func(string) (helperFile, error) { return helperFile{setuid: true}, nil },
		sysctl:      func(string) string { return "" },
		executable:  func() string { return "/usr/bin/coracle" },
		confinement: func() string { return "" },
	}
}

type explainCase struct {
	name    string
	change  func(*host)
	message string
	err     error
	is      error
	says    []string
}

func (c explainCase) check(t *testing.T, explain func(host) error) {
	t.Helper()
	h := fineHost()
	if c.change != nil {
		c.change(&h)
	}
	err := explain(h)
	if !errors.Is(err, c.is) {
		t.Errorf("%s: got %v", c.name, err)
	}
	for _, words := range c.says {
		if !strings.Contains(fmt.Sprint(err), words) {
			t.Errorf("%s: %q does not say %q", c.name, err, words)
		}
	}
	if n := strings.Count(fmt.Sprint(err), "\n"); n > 2 {
		t.Errorf("%s: %d lines: %v", c.name, n+1, err)
	}
}

func sysctlIs(name, value string) func(*host) {
	return func(h *host) {
		h.sysctl = func(n string) string {
			if n == name {
				return value
			}
			return ""
		}
	}
}

func file(f helperFile) func(*host) {
	return func(h *host) { h.stat = func(string) (helperFile, error) { return f, nil } }
}

func TestExplainHelper(t *testing.T) {
	eperm := "newuidmap: write to uid_map failed: Operation not permitted"
	other := errors.New("exit status 1")
	for _, c := range []explainCase{
		{"missing", nil, "", fmt.Errorf("newuidmap: %w", exec.ErrNotFound), ErrNoHelper,
			[]string{`cannot map uids of "ana"`, "newuidmap", "fix: sudo apt install uidmap", "shadow-utils"}},
		{"range", nil, "newuidmap: uid range [1-65537) -> [100000-165536) not allowed", other, ErrRefused,
			[]string{"[100000-165536) not allowed", "/etc/subuid", "getsubids ana"}},
		{"newgrp", nil, "newuidmap: Target process 5 is owned by a different user: uid:1 pw_uid:1", other, ErrRefused, []string{"primary group"}},
		{"no name", nil, "newuidmap: Cannot determine your user name.", other, ErrRefused, []string{"getent passwd 1000"}},
		{"no_new_privs", func(h *host) { h.noNewPrivs = func() bool { return true } }, eperm, other, ErrNoNewPrivs, []string{"NoNewPrivileges="}},
		{"no setuid bit", file(helperFile{}), eperm, other, ErrNoPrivilege, []string{"sudo chmod u+s /usr/bin/newuidmap", "sudo setcap cap_setuid+ep /usr/bin/newuidmap"}},
		{"file capabilities will do", file(helperFile{caps: true}), eperm, other, other, nil},
		{"nosuid", file(helperFile{setuid: true, nosuid: true}), eperm, other, ErrNoSuid, []string{"remount,suid", "findmnt -nT /usr/bin/newuidmap"}},
		{"bounding set", func(h *host) { h.bounding = func(c uint) bool { return c != capSetUID } }, eperm, other, ErrNoCapability, []string{"CAP_SETUID", "--cap-add"}},
		{"AppArmor", sysctlIs("kernel/apparmor_restrict_unprivileged_userns", "1"), eperm, other, ErrAppArmor,
			[]string{"/etc/apparmor.d/usr.bin.coracle", "userns,", "apparmor_parser -r"}},
		{"AppArmor off", sysctlIs("kernel/apparmor_restrict_unprivileged_userns", "0"), eperm, other, other, nil},
		{"the range comes first", func(h *host) { h.noNewPrivs = func() bool { return true } }, "range not allowed", other, ErrRefused, nil},
		{"file unknown", func(h *host) { h.stat = func(string) (helperFile, error) { return helperFile{}, fs.ErrPermission } }, eperm, other, other, nil},
		{"unknown", nil, eperm, other, other, []string{"exit status 1"}},
	} {
		c.check(t, func(h host) error {
			return h.explainHelper(anaGrant(), &helper{kind: kinds[0], path: "/usr/bin/newuidmap", message: c.message}, c.err)
		})
	}
}

func TestExplainWrite(t *testing.T) {
	failed := func(op string, e unix.Errno) error { return &fs.PathError{Op: op, Path: "/proc/5/uid_map", Err: e} }
	for _, c := range []explainCase{
		{"gone", nil, "", failed("open", unix.ENOENT), unix.ENOENT, []string{"the process is gone"}},
		{"dead", nil, "", failed("write", unix.ESRCH), unix.ESRCH, []string{"the process is gone"}},
		{"capability", func(h *host) { h.effective = func() uint64 { return mapCaps &^ (1 << capSetUID) } }, "",
			failed("write", unix.EPERM), ErrNoCapability, []string{"CAP_SETUID", "--cap-add"}},
		{"AppArmor", sysctlIs("kernel/apparmor_restrict_unprivileged_userns", "1"), "", failed("open", unix.EACCES), ErrAppArmor, nil},
		{"not dumpable", nil, "", failed("open", unix.EACCES), unix.EACCES, []string{"not dumpable"}},
		{"mapped already", nil, "", failed("write", unix.EPERM), unix.EPERM, []string{"has a map already"}},
		{"bad", nil, "", failed("write", unix.EINVAL), unix.EINVAL, []string{"/proc/5/uid_map"}},
	} {
		c.check(t, func(h host) error { return h.explainWrite(rootGrant(), c.err) })
	}
	c := explainCase{"one id needs no capability", func(h *host) { h.effective = func() uint64 { return 0 } }, "",
		failed("write", unix.EPERM), unix.EPERM, []string{"has a map already"}}
	c.check(t, func(h host) error { return h.explainWrite(anaGrant().AsSingle(), c.err) })
	root := rootGrant().AsSingle()
	root.Direct = false
	c = explainCase{"unless it is 0", func(h *host) { h.effective = func() uint64 { return 0 } }, "",
		failed("write", unix.EPERM), ErrNoCapability, []string{"missing: CAP_SETFCAP"}}
	c.check(t, func(h host) error { return h.explainWrite(root, c.err) })
}

func TestExplainClone(t *testing.T) {
	for _, c := range []explainCase{
		{"switched off", sysctlIs("user/max_user_namespaces", "0"), "", unix.ENOSPC, ErrDisabled, []string{"max_user_namespaces is 0", "/etc/sysctl.d"}},
		{"used up", sysctlIs("user/max_user_namespaces", "5"), "", unix.ENOSPC, ErrDisabled, []string{"lsns -t user"}},
		{"Debian's switch", sysctlIs("kernel/unprivileged_userns_clone", "0"), "", unix.EPERM, ErrDisabled, []string{"unprivileged_userns_clone=1"}},
		{"AppArmor", sysctlIs("kernel/apparmor_restrict_unprivileged_userns", "1"), "", unix.EACCES, ErrAppArmor, []string{"/etc/apparmor.d/"}},
		{"no mount namespaces", sysctlIs("user/max_mnt_namespaces", "0"), "", unix.ENOSPC, ErrDisabled, []string{"max_mnt_namespaces is 0", "/etc/sysctl.d"}},
		{"confined", func(h *host) { h.confinement = func() string { return "snap.x" } }, "", unix.EPERM, ErrAppArmor, []string{"AppArmor profile snap.x"}},
		{"seccomp", nil, "", unix.EPERM, unix.EPERM, []string{"seccomp=unconfined"}},
		{"old kernel", nil, "", unix.ENOSYS, ErrDisabled, []string{"5.12"}},
		{"another", nil, "", unix.ENOMEM, unix.ENOMEM, []string{"cannot create a user namespace"}},
	} {
		c.check(t, func(h host) error {
			err := h.explainClone(c.err)
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v is not %v any more", c.name, err, c.err)
			}
			return err
		})
	}
	if err := ExplainClone(unix.ENOMEM); !errors.Is(err, unix.ENOMEM) {
		t.Error(err)
	}
}

func TestConfinedBy(t *testing.T) {
	for label, want := range map[string]string{
		"": "", "unconfined\n": "", "snap.x.y (enforce)\n": "snap.x.y", "x (complain)": "", "system_u:system_r:init_t:s0\x00": "",
	} {
		if got := confinedBy(label); got != want {
			t.Errorf("%q: %q, not %q", label, got, want)
		}
	}
}

func TestAppArmorOddPath(t *testing.T) {
	for _, exe := range []string{"", "/tmp/it's me", "/memfd:coracle (deleted)", "/a%sb"} {
		h := fineHost()
		h.executable = func() string { return exe }
		if got := h.appArmor().fix; !strings.Contains(got, `"/usr/bin/coracle"`) {
			t.Errorf("%q: %s", exe, got)
		}
	}
}
