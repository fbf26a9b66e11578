package doctor

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestKernel(t *testing.T) {
	run(t, []one{
		{"new", func(f *fake) { f.release = "7.2-rc1" }, "kernel", OK, "7.2-rc1", ""},
		{"the oldest", func(f *fake) { f.release = "5.12.0" }, "kernel", OK, "", ""},
		{"too old", func(f *fake) { f.release = "5.10.0-26-amd64" }, "kernel", Fail, "older than 5.12", "newer kernel"},
		{"major too old", func(f *fake) { f.release = "4.19.1" }, "kernel", Fail, "older", ""},
		{"odd", func(f *fake) { f.release = "gnu" }, "kernel", Warn, `"gnu"`, ""},
		{"clone3 hidden", func(f *fake) { f.breakStep("calls", "clone3", unix.ENOSYS) }, "system calls", Fail, "clone3 (ENOSYS)", "outer"},
		{"killed while asking", func(f *fake) { f.trial["calls"] = outcome{} }, "system calls", Fail, "clone3", ""},
		{"none", func(f *fake) { f.breakStep("seccomp", "filter", unix.EINVAL) }, "seccomp", Fail, "invalid argument", "CONFIG_SECCOMP_FILTER"},
		{"no notifications", func(f *fake) { f.breakStep("seccomp", "user_notif", unix.EOPNOTSUPP) }, "seccomp", Warn, "user_notif", ""},
	})
}

func FuzzParseRelease(f *testing.F) {
	for _, s := range []string{"6.1.0-13-amd64", "5.12", "", ".", "4294967296.1", "6.", "-1.2", "6.18.44-fc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		major, minor, ok := parseRelease(s)
		if ok && (major < 0 || minor < 0) {
			t.Errorf("%q: %d.%d", s, major, minor)
		}
	})
}
