package doctor

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestUserNamespace(t *testing.T) {
	refuse := func(n unix.Errno) func(*fake) { return func(f *fake) { f.refuse(n) } }
	apparmor := func(f *fake) { f.files["/sys/module/apparmor/parameters/enabled"] = "Y\n" }
	run(t, []one{
		{"limit", refuse(unix.ENOSPC), "user namespace", Fail, "max_user_namespaces", "user.max_user_namespaces = 28633"},
		{"not in the kernel", refuse(unix.EINVAL), "user namespace", Fail, "", "CONFIG_USER_NS"},
		{"denied by a module", func(f *fake) { refuse(unix.EACCES)(f); apparmor(f) }, "user namespace", Fail, "security module", `'profile coracle "/home/ana/bin/coracle" flags=(unconfined) {'`},
		{"denied by another module", refuse(unix.EACCES), "user namespace", Fail, "security module", "SELinux"},
		{"switch of Debian", func(f *fake) {
			refuse(unix.EPERM)(f)
			f.files["/proc/sys/kernel/unprivileged_userns_clone"] = "0\n"
		}, "user namespace", Fail, "unprivileged_userns_clone is 0", "kernel.unprivileged_userns_clone = 1"},
		{"switch of Ubuntu", func(f *fake) {
			refuse(unix.EPERM)(f)
			f.files["/proc/sys/kernel/apparmor_restrict_unprivileged_userns"] = "1\n"
		}, "user namespace", Fail, "AppArmor", "userns,"},
		{"seccomp", refuse(unix.EPERM), "user namespace", Fail, "seccomp filter", "--security-opt seccomp=unconfined"},
		{"made, map refused", func(f *fake) {
			apparmor(f)
			f.trial["unshare"] = outcome{err: unix.EPERM}
		}, "user namespace", Fail, "without capabilities (id map", "apparmor_parser -r /etc/apparmor.d/coracle"},
		{"made, map odd", func(f *fake) { f.trial["unshare"] = outcome{err: unix.EIO} }, "user namespace", Fail, "not usable", ""},
		{"no capability to mount", func(f *fake) { apparmor(f); f.breakStep("unshare", "mnt", unix.EPERM) }, "user namespace", Fail, "without capabilities (mnt", "userns,"},
		{"no capability to name", func(f *fake) { f.breakStep("unshare", "capability", unix.EPERM) }, "user namespace", Fail, "sethostname", ""},
		{"mount namespaces used up", func(f *fake) { f.breakStep("unshare", "mnt", unix.ENOSPC) }, "user namespace", OK, "", ""},
	})
}

func TestNamespaces(t *testing.T) {
	run(t, []one{
		{"zero", func(f *fake) { f.files["/proc/sys/user/max_mnt_namespaces"] = "0\n" }, "namespace limits", Fail, "kind mnt", "user.max_mnt_namespaces = 28633"},
		{"unreadable", func(f *fake) {
			delete(f.files, "/proc/sys/user/max_mnt_namespaces")
			f.files["/proc/sys/user/max_user_namespaces"] = "many"
		}, "namespace limits", Warn, "cannot be read", ""},
		{"used up", func(f *fake) { f.breakStep("unshare", "mnt", unix.ENOSPC) }, "namespaces", Fail, "mnt (no space", "user.max_mnt_namespaces"},
		{"not in the kernel", func(f *fake) { f.breakStep("unshare", "ipc", unix.EINVAL) }, "namespaces", Fail, "ipc (invalid", "kernel"},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "namespaces", Fail, "cannot be tried", "mend the user namespace first"},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "time namespace", Warn, "cannot be tried", "mend"},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "/dev/net/tun", Warn, "cannot be tried", "mend"},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "id maps", Fail, "cannot be tried", "mend"},
		{"none", func(f *fake) { f.breakStep("unshare", "time", unix.EINVAL) }, "time namespace", Warn, "invalid", ""},
		{"masked", func(f *fake) { f.breakStep("mounts", "proc", unix.EPERM) }, "proc", Fail, "proc (operation not permitted)", "systempaths=unconfined"},
		{"not in the kernel", func(f *fake) { f.breakStep("mounts", "mqueue", unix.ENODEV) }, "proc", Fail, "mqueue", ""},
		{"no user namespace", func(f *fake) { f.refuse(unix.EPERM) }, "proc", Fail, "cannot be tried", "mend the user namespace first"},
	})
}

// The switch for every program must not be the first thing to read.
func TestProfileComesFirst(t *testing.T) {
	f := healthy()
	f.files["/proc/sys/kernel/apparmor_restrict_unprivileged_userns"] = "1\n"
	f.breakStep("unshare", "mnt", unix.EPERM)
	fix := f.check(t, "user namespace").Fix
	profile, global := strings.Index(fix, "apparmor.d/coracle"), strings.Index(fix, "sysctl -w")
	if profile < 0 || global < profile {
		t.Errorf("profile at %d, switch at %d:\n%s", profile, global, fix)
	}
}

func TestQuoting(t *testing.T) {
	for _, c := range []struct{ path, profile, shell string }{
		{"/usr/bin/coracle", `"/usr/bin/coracle"`, "/usr/bin/coracle"},
		{"/home/a b/coracle", `"/home/a b/coracle"`, "'/home/a b/coracle'"},
		{`/x/{a,b}*@"`, `"/x/\{a,b\}\*\@\""`, `'/x/{a,b}*@"'`},
		{"/it's", `"/it's"`, `'/it'\''s'`},
		{"", `""`, "''"},
	} {
		if got := quoteProfile(c.path); got != c.profile {
			t.Errorf("profile of %q: %s", c.path, got)
		}
		if got := quote(c.path); got != c.shell {
			t.Errorf("shell word of %q: %s", c.path, got)
		}
	}
}
