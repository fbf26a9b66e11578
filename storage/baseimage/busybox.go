package baseimage

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// applets are the commands that get a name of their own, those of Debian's
// build that make sense in a container. Others are reached as "busybox NAME".
const applets = `
[ [[ ar arp arping ascii ash awk base64 basename bc bunzip2 bzcat bzip2 cal cat
chgrp chmod chown chroot clear cmp cp cpio cttyhack cut date dc dd df diff dirname dmesg
dnsdomainname dos2unix du echo ed egrep env expand expr factor fallocate false fgrep find
fold free ftpget ftpput getopt grep groups gunzip gzip head hexdump hostid hostname
httpd id ifconfig ionice ip ipcalc kill killall last less link linux32 linux64 ln logger
logname ls lzcat lzma md5sum microcom mkdir mkfifo mknod mktemp more mount mt mv nc
netstat nl nologin nproc nsenter nslookup nuke od paste patch pidof ping ping6 pivot_root
printf ps pwd readlink realpath renice reset resume rev rm rmdir route run-parts sed
seq setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort ssl_client
start-stop-daemon stat strings stty su sync sysctl tac tail tar taskset tc tee telnet test
tftp time timeout top touch tr traceroute traceroute6 true truncate ts tty umount
uname uncompress unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime
usleep uudecode uuencode vi w watch wc wget which who whoami xargs xxd xz xzcat yes zcat
`

// machines are the architectures that images and programs are made for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// ErrBusybox says that the file is no busybox that the image could use.
var ErrBusybox = errors.New("not a usable busybox")

// tools is the second layer: busybox, its names, its licence.
func tools(o Options) ([]entry, error) {
	if err := checkBusybox(o.Busybox, o.Arch); err != nil {
		return nil, err
	}
	const doc = "usr/share/doc/busybox-static/"
	entries := []entry{
		{name: "bin/", mode: 0o755},
		{name: "bin/busybox", mode: 0o755, body: o.Busybox},
		{name: "usr/", mode: 0o755},
		{name: "usr/share/", mode: 0o755},
		{name: "usr/share/doc/", mode: 0o755},
		{name: doc, mode: 0o755},
		{name: doc + "copyright", mode: 0o644, body: o.Copyright},
		{name: doc + "SOURCE", mode: 0o644, body: []byte(source(o.Version))},
	}
	for _, name := range strings.Fields(applets) {
		if !hasApplet(o.Busybox, name) {
			return nil, fmt.Errorf("%w: it has no %s", ErrBusybox, name)
		}
		entries = append(entries, entry{name: "bin/" + name, mode: 0o777, link: "busybox"})
	}
	return entries, nil
}

// banner is how a busybox names itself: "BusyBox v1.35.0 (Debian 1:1.35.0-4)".
const banner = "BusyBox v"

// version finds the package's version in the program, "" if it does not say.
func version(program []byte) string {
	for {
		_, rest, found := bytes.Cut(program, []byte(banner))
		if !found {
			return ""
		}
		program = rest
		line := rest[:min(len(rest), 100)]
		if end := bytes.IndexAny(line, "\x00\n"); end >= 0 {
			line = line[:end]
		}
		if number, name, found := strings.Cut(string(line), " ("); found && strings.HasSuffix(name, ")") {
			if _, debian, found := strings.Cut(strings.TrimSuffix(name, ")"), "Debian "); found {
				return debian
			}
			return number
		}
	}
}

func source(version string) string {
	return `/bin/busybox is Debian's package busybox-static, version ` + version + `, unchanged.
It is free software under the GNU General Public License, version 2; see the
file copyright beside this one.

Its complete source is Debian's source package busybox of that version:
  https://snapshot.debian.org/package/busybox/
(a suffix "+bN" counts builds of one source, which is without it)
or, in Debian, "apt-get source busybox". It is linked with the GNU C library
(LGPL, version 2.1 or later), Debian's source package glibc; the field
Built-Using of the package names the version.
`
}

// checkBusybox makes sure that the program runs on the architecture and needs
// nothing beside itself.
func checkBusybox(program []byte, arch string) error {
	machine, ok := machines[arch]
	if !ok {
		return fmt.Errorf("architecture %q is not one of amd64, arm64", arch)
	}
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return fmt.Errorf("%w: %v", ErrBusybox, err)
	}
	if file.Machine != machine {
		return fmt.Errorf("%w: it is for %v, not for %s", ErrBusybox, file.Machine, arch)
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%w: it is not static\n  fix: install busybox-static", ErrBusybox)
		}
	}
	return nil
}

// hasApplet looks into the program's table of names, which are one after the
// other, with a zero byte after each. It cannot be asked: it may be for another
// architecture.
func hasApplet(program []byte, name string) bool {
	return bytes.Contains(program, []byte("\x00"+name+"\x00"))
}
