package userns

import (
	"fmt"
	"strings"
)

// pathChars are the characters of paths that need no quoting anywhere.
const pathChars = "/._+-@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// appArmor is Ubuntu's restriction (23.10; by default since 24.04): a user
// namespace of a program without a profile gets no capabilities. Its error
// differs by tool, so the switch is what is looked at. The fix is a profile of
// our own path, not the global switch, which protects everybody else.
func (h host) appArmor() cause {
	exe := h.executable()
	if exe == "" || strings.Trim(exe, pathChars) != "" {
		exe = "/usr/bin/coracle" // unknown, or unfit to be quoted three times over
	}
	return cause{
		found: h.sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1",
		is:    ErrAppArmor,
		why:   "kernel.apparmor_restrict_unprivileged_userns is 1 and " + exe + " has no profile that allows userns",
		fix:   appArmorFix(exe),
	}
}

// appArmorFix is the command that makes and loads a profile.
func appArmorFix(exe string) string {
	name := strings.ReplaceAll(strings.TrimPrefix(exe, "/"), "/", ".")
	profile := fmt.Sprintf(`abi <abi/4.0>,\ninclude <tunables/global>\nprofile %s "%s" flags=(unconfined) {\n  userns,\n}\n`, name, exe)
	return fmt.Sprintf("printf '%s' | sudo tee /etc/apparmor.d/%s && sudo apparmor_parser -r /etc/apparmor.d/%s", profile, name, name)
}
