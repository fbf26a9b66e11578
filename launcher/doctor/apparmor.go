package doctor

import "strings"

// profile is the command that installs an AppArmor profile which allows user
// namespaces to this program alone. The switch that allows them to every
// program comes last: it undoes what the distribution chose.
func (e *exam) profile() string {
	const path = "/etc/apparmor.d/coracle"
	hasSwitch := e.sysctl("kernel/apparmor_restrict_unprivileged_userns") != ""
	if !hasSwitch && !e.apparmor() {
		return "allow user namespaces to " + e.binary + " in this host's security module (SELinux: class user_namespace, permission create)"
	}
	fix := write([]string{
		"abi <abi/4.0>,",
		"include <tunables/global>",
		"profile coracle " + quoteProfile(e.binary) + " flags=(unconfined) {",
		"  userns,",
		"  include if exists <local/coracle>",
		"}",
	}, path) + " && sudo apparmor_parser -r " + path
	if hasSwitch {
		fix += "\nor, for every program on this host: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
	}
	return fix
}

func (e *exam) apparmor() bool {
	text, err := e.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.HasPrefix(string(text), "Y")
}

// quoteProfile writes a path as apparmor.d(5) wants it: quoted, with the
// characters of its globs and variables escaped.
func quoteProfile(path string) string {
	var b strings.Builder
	for _, r := range path {
		if strings.ContainsRune(`\*?[]{}^"@`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return `"` + b.String() + `"`
}
