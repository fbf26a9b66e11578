package doctor

import "strings"

// write is the shell command that writes lines to a file of root's. It is
// printf over several lines and not a here-document, whose end would not be
// found when the command is copied with an indent.
func write(lines []string, path string) string {
	return pipe(lines) + " | sudo tee " + quote(path)
}

// sysctl is the command that sets kernel switches now and at every boot. It
// adds to its file, where another advice may have written before.
func sysctl(lines ...string) string {
	return pipe(lines) + " | sudo tee -a /etc/sysctl.d/60-coracle.conf && sudo sysctl --system"
}

func pipe(lines []string) string {
	if len(lines) == 1 {
		return "echo " + quote(lines[0])
	}
	var b strings.Builder
	b.WriteString("printf '%s\\n' \\\n")
	for i, l := range lines {
		b.WriteString("  " + quote(l))
		if i < len(lines)-1 {
			b.WriteString(" \\\n")
		}
	}
	return b.String()
}

// quote makes one word of a POSIX shell out of any string.
func quote(s string) string {
	plain := s != ""
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%", r) {
			plain = false
		}
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// install is the command that installs a package, by its name on Debian and
// on Fedora, whichever /etc/os-release says this is.
func (e *exam) install(debian, fedora string) string {
	text, err := e.ReadFile("/etc/os-release")
	if err == nil {
		for l := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(l), "=")
			if key != "ID" && key != "ID_LIKE" {
				continue
			}
			for id := range strings.FieldsSeq(strings.Trim(value, `"'`)) {
				switch id {
				case "debian", "ubuntu":
					return "sudo apt install " + debian
				case "fedora", "rhel", "centos":
					return "sudo dnf install " + fedora
				}
			}
		}
	}
	return "install the package " + debian + " (Debian) or " + fedora + " (Fedora)"
}
