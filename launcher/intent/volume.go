package intent

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// volumeFlag is a parsed -v value. An empty src is an anonymous volume.
type volumeFlag struct {
	src, dst string
	words    words
	layer    OverlayDirs
}

// OverlayDirs are the host directories that O takes its changes to, when they are given: they then outlive the
// container.
type OverlayDirs struct{ Upper, Work string }

// parseVolume reads [SRC:]DST[:OPTS], the form of docker and podman. Neither can name a path with a colon;
// --mount can.
func parseVolume(s string) (v volumeFlag, err error) {
	const flag = "--volume"
	parts := strings.Split(s, ":")
	if len(parts) > 3 || strings.IndexByte(s, 0) >= 0 {
		return v, invalid(flag, s, "[SRC:]DST[:OPTIONS] is wanted").fix("--mount type=bind,src=…,dst=… for a path with a colon")
	}
	v.dst = parts[len(parts)-1]
	if len(parts) > 1 {
		v.src, v.dst = parts[0], parts[1]
		if v.src == "" {
			return v, invalid(flag, s, "the source is empty")
		}
	}
	if len(parts) == 3 {
		for w := range strings.SplitSeq(parts[2], ",") {
			if err := v.word(flag, s, w); err != nil {
				return v, err
			}
		}
	}
	if v.dst, err = checkDest(flag, s, v.dst); err != nil {
		return v, err
	}
	if err := v.layer.check(flag, s, &v.words); err != nil {
		return v, err
	}
	return v, v.words.only(flag, s, wAccess, wExec, wSUID, wDev, wPropagation, wRecursion, wLabel,
		wOverlay, wChown, wCopy, wConsistency)
}

// word takes one option.
func (v *volumeFlag) word(flag, s, w string) error {
	for key, to := range map[string]*string{"upperdir=": &v.layer.Upper, "workdir=": &v.layer.Work} {
		if dir, ok := strings.CutPrefix(w, key); ok {
			if *to != "" || !path.IsAbs(dir) {
				return invalid(flag, s, key+" wants one absolute path")
			}
			*to = path.Clean(dir)
			return nil
		}
	}
	if w == "idmap" || strings.HasPrefix(w, "idmap=") {
		return noIDMap(flag + " " + s)
	}
	return v.words.add(flag, s, w)
}

// noIDMap says why a mount cannot be idmapped.
func noIDMap(what string) *Error {
	return fail(ErrUnsupported, "%s: idmap: the kernel lets only real root map the ids of file systems that hold homes (mount_setattr(2))", what).
		fix("U, which changes the owners of the files once, or --userns keep-id, which shows your own as yours")
}

func (d OverlayDirs) check(flag, s string, w *words) error {
	switch {
	case d == OverlayDirs{}:
		return nil
	case w[wOverlay] == "":
		return invalid(flag, s, "upperdir and workdir belong to the option O")
	case d.Upper == "" || d.Work == "":
		return invalid(flag, s, "upperdir and workdir are given together: both on one file system")
	case d.Upper == d.Work || strings.ContainsAny(d.Upper+d.Work, ":,\\"):
		return invalid(flag, s, "upperdir and workdir are two directories without colon, comma or backslash in their names")
	}
	return nil
}

// isPath tells a host path from the name of a volume, as docker does.
func isPath(src string) bool { return src[0] == '/' || src[0] == '.' }

// procFiles are what may be mounted over below /proc: the files lxcfs replaces, runc's list. Anything else
// there could stand in for a file the launcher writes (CVE-2019-16884, CVE-2025-52881).
const procFiles = " /proc/cpuinfo /proc/diskstats /proc/loadavg /proc/meminfo /proc/slabinfo /proc/stat /proc/swaps /proc/uptime "

// checkDest checks where something is to be mounted and gives the clean path.
func checkDest(flag, value, dst string) (string, error) {
	if !path.IsAbs(dst) {
		return "", invalid(flag, value, "the destination must be an absolute path")
	}
	for part := range strings.SplitSeq(dst, "/") {
		if part == ".." {
			return "", invalid(flag, value, "the destination holds \"..\"")
		}
	}
	dst = path.Clean(dst)
	switch {
	case strings.IndexByte(dst, 0) >= 0:
		return "", invalid(flag, value, "the destination holds a NUL byte")
	case dst == "/":
		return "", invalid(flag, value, "the destination is the root itself").fix("--rootfs DIR")
	case dst == "/proc" || strings.HasPrefix(dst, "/proc/") && !strings.Contains(procFiles, " "+dst+" "):
		return "", invalid(flag, value, "nothing may be mounted over /proc")
	}
	return dst, nil
}

// bind makes the mount of a host path. The source has to exist: docker makes missing ones, owned by root,
// which is seldom what was meant; podman and we refuse.
func (b *builder) bind(flag, value, src, dst string, w *words) (m specs.Mount, err error) {
	if !filepath.IsAbs(src) {
		src = filepath.Join(b.Host.Cwd, src)
	}
	src = filepath.Clean(src)
	st, err := b.Host.stat(src)
	if err != nil {
		return m, fail(ErrNotFound, "%s %s: cannot bind %s: %v", flag, value, src, cause(err)).fix("mkdir -p %s", src)
	}
	if err := b.checkWords(flag, value, w, st); err != nil {
		return m, err
	}
	if err := b.sameKind(flag, value, src, dst, st.Mode); err != nil {
		return m, err
	}
	if w[wChown] != "" {
		if err := b.mayChown(flag, value, src); err != nil {
			return m, err
		}
		b.extra.Chown = append(b.extra.Chown, dst)
	}
	if w[wOverlay] != "" {
		return b.overlay(flag, value, src, dst, w, st)
	}
	m = specs.Mount{Destination: dst, Type: "bind", Source: src, Options: make([]string, 0, 6)}
	rec, prop := w[wRecursion], w[wPropagation]
	if rec == "" {
		rec = "rbind"
	}
	if prop == "" {
		prop = "rprivate"
	}
	m.Options = append(m.Options, rec, prop)
	if w[wAccess] == "ro" {
		// Recursively, as docker since 25: a read-only volume with a writable mount inside is not what
		// ":ro" says. mount_setattr(2) does it from 5.12 on.
		ro := "rro"
		if rec == "bind" || w[wRecursiveRO] == "=wro" {
			ro = "ro"
		}
		m.Options = append(m.Options, ro)
	}
	for _, g := range [...]wordGroup{wExec, wSUID, wDev} {
		if strings.HasPrefix(w[g], "no") {
			m.Options = append(m.Options, w[g])
		}
	}
	return m, nil
}

// checkWords refuses what cannot be honoured: lifting a flag the host's mount carries, labels without
// SELinux support, a recursive change of owners.
func (b *builder) checkWords(flag, value string, w *words, st Stat) error {
	for _, f := range [...]struct {
		group wordGroup
		on    bool
	}{{wExec, st.NoExec}, {wSUID, st.NoSUID}, {wDev, st.NoDev}} {
		if word := w[f.group]; f.on && word != "" && !strings.HasPrefix(word, "no") {
			return fail(ErrUnsupported, "%s %s: the source's file system is mounted no%s, and an unprivileged user cannot lift that", flag, value, word)
		}
	}
	switch {
	case w[wLabel] != "" && b.Host.SELinux:
		return notYet(flag+" "+value+" (relabelling for SELinux)", "leave "+w[wLabel]+" out")
	case w[wCopy] == "copy":
		return invalid(flag, value, "copy is for named volumes, and a host path is bound")
	case w[wRecursiveRO] != "" && w[wAccess] != "ro":
		return invalid(flag, value, "bind-recursive=writable and =readonly want readonly as well")
	}
	return nil
}

// overlay makes -v SRC:DST:O: the container writes to a throw-away layer above SRC. The source of an overlay
// mount is only a label to the kernel; SRC there is what people look for in mountinfo.
func (b *builder) overlay(flag, value, src, dst string, w *words, st Stat) (m specs.Mount, err error) {
	if err := w.only(flag, value, wOverlay, wLabel, wConsistency); err != nil {
		return m, err
	}
	if !st.Mode.IsDir() {
		return m, invalid(flag, value, "O wants a directory")
	}
	// These separate layers and options in the mount data of overlayfs.
	if strings.ContainsAny(src, ":,\\") {
		return m, invalid(flag, value, "with O the source may not hold a colon, comma or backslash")
	}
	m = specs.Mount{Destination: dst, Type: "overlay", Source: src, Options: []string{"nosuid", "nodev", "lowerdir=" + src}}
	if d := b.layer; d.Upper != "" {
		for _, dir := range []string{d.Upper, d.Work} {
			if st, err := b.Host.stat(dir); err != nil || !st.Mode.IsDir() {
				return m, fail(ErrNotFound, "%s %s: %s is not a directory", flag, value, dir).fix("mkdir -p %s %s", d.Upper, d.Work)
			}
		}
		m.Options = append(m.Options, "upperdir="+d.Upper, "workdir="+d.Work)
		return m, nil
	}
	b.extra.Overlays = append(b.extra.Overlays, dst)
	return m, nil
}

// systemDirs must not change owner whatever the user may do to them: podman's list.
const systemDirs = " / /bin /boot /dev /etc /home /lib /lib32 /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /var /var/lib /var/tmp "

// mayChown keeps U from a slip that gives the user's whole home to somebody else.
func (b *builder) mayChown(flag, value, src string) error {
	home, _ := b.Host.lookupEnv("HOME")
	if strings.Contains(systemDirs, " "+src+" ") || home != "" && (src == home || strings.HasPrefix(home, src+"/")) {
		return fail(ErrUnsupported, "%s %s: U would change the owner of everything in %s", flag, value, src).fix("a directory of its own below it")
	}
	return nil
}

// sameKind finds a directory bound over a file or the reverse before the kernel's bare ENOTDIR does. What
// is under another mount or does not exist is not known here.
func (b *builder) sameKind(flag, value, src, dst string, mode fs.FileMode) error {
	if b.View == nil || b.covered(dst) {
		return nil
	}
	_, at, exists, err := b.View.Resolve(dst[1:])
	if err != nil || !exists || at.IsDir() == mode.IsDir() {
		return nil
	}
	kind := [2]string{"a file", "a directory"}
	from, to := 0, 1
	if mode.IsDir() {
		from, to = 1, 0
	}
	return invalid(flag, value, src+" is "+kind[from]+" and "+dst+" in the image is "+kind[to])
}

// covered reports whether a destination lies in a file system of the container's own or below a mount that
// was asked for so far, so that the image does not say what is there.
func (b *builder) covered(dst string) bool {
	for _, top := range [...]string{"/dev", "/proc", "/sys"} {
		if dst == top || strings.HasPrefix(dst, top+"/") {
			return true
		}
	}
	return b.underUser(dst)
}

// underUser reports whether a directory above a destination is one that was asked for so far.
func (b *builder) underUser(dst string) bool {
	if len(b.dests) == 0 {
		return false
	}
	for p := path.Dir(dst); p != "/"; p = path.Dir(p) {
		if b.dests[p] != "" {
			return true
		}
	}
	return false
}

// cause gives the reason in an error of the os package, without the path the message already has.
func cause(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}
