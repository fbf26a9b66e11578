package intent

import (
	"runtime"
	"strings"
)

// Platform is the OS, architecture and variant of an image, in Go's words.
type Platform struct{ OS, Arch, Variant string }

// Explicit reports whether the user asked for one.
func (p Platform) Explicit() bool { return p != Platform{} }

// WantPlatform reads --platform, or --os and --arch. Nothing asked gives the zero Platform, which means this
// machine's.
func (o *Options) WantPlatform() (p Platform, err error) {
	if o.Platform == "" {
		if o.OS == "" && o.Arch == "" {
			return p, nil
		}
		p = Platform{OS: o.OS, Arch: o.Arch}
	} else {
		if o.OS != "" || o.Arch != "" {
			return p, conflict("--platform", "--os and --arch", "they say the same twice")
		}
		parts := strings.Split(o.Platform, "/")
		if len(parts) > 3 {
			return p, invalid("--platform", o.Platform, "OS/ARCH[/VARIANT] is wanted, such as linux/arm64")
		}
		// One word is an architecture unless it is an operating system, as in docker.
		switch {
		case len(parts) == 1 && !strings.Contains(" linux windows darwin freebsd ", " "+strings.ToLower(parts[0])+" "):
			p.Arch = parts[0]
		default:
			p.OS = parts[0]
			if len(parts) > 1 {
				p.Arch = parts[1]
			}
			if len(parts) > 2 {
				p.Variant = strings.ToLower(parts[2])
			}
		}
		for _, s := range parts {
			if s == "" {
				return Platform{}, invalid("--platform", o.Platform, "a part of it is empty")
			}
		}
	}
	return p.normal()
}

func (p Platform) normal() (Platform, error) {
	p.OS, p.Arch = strings.ToLower(p.OS), strings.ToLower(p.Arch)
	if p.OS == "" {
		p.OS = "linux"
	}
	if p.OS != "linux" {
		return Platform{}, fail(ErrUnsupported, "platform %s: only linux images can run here", p.OS)
	}
	switch p.Arch {
	case "":
		p.Arch = runtime.GOARCH
	case "x86_64", "x86-64":
		p.Arch = "amd64"
	case "aarch64":
		p.Arch = "arm64"
	case "i386", "i686", "x86":
		p.Arch = "386"
	case "armhf", "armv7l":
		p.Arch, p.Variant = "arm", "v7"
	case "armel":
		p.Arch, p.Variant = "arm", "v6"
	}
	for _, s := range [...]string{p.Arch, p.Variant} {
		for i := 0; i < len(s); i++ {
			if !alnum(s[i]) {
				return Platform{}, invalid("--platform", s, "an architecture and its variant are letters and digits")
			}
		}
	}
	if p.Arch == "arm64" && p.Variant == "v8" {
		p.Variant = ""
	}
	return p, nil
}
