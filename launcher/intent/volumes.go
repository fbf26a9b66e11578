package intent

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"coracle/storage/volume"
)

// VolumeUse is a volume at a destination of the container. The spec's mount there has the source
// "volume:NAME", which opens nowhere: the launcher replaces it.
type VolumeUse struct {
	Name        string // empty: an anonymous one is made
	Destination string
	// Subpath is the part of the volume that is mounted, resolved beneath it.
	Subpath string
	// NoCopy leaves a new volume empty, whatever the image has at the destination.
	NoCopy bool
	// MustExist makes a volume that is not there an error; else it is made, with Labels and Options.
	MustExist bool
	Labels    map[string]string
	Options   map[string]string
}

// ImageMount is an image whose files are shown at a destination. The spec's mount there has the type overlay
// and the source "image:REF"; its layers are the launcher's business.
type ImageMount struct {
	Image, Destination, Subpath string
	// Writable throws changes away with the container; without it the mount is read-only.
	Writable bool
}

const (
	volumeSource = "volume:"
	imageSource  = "image:"
)

// maxImageVolumes bounds what an image may ask for: each is a directory, a record and a mount.
const maxImageVolumes = 100

// volumeOf makes the mount of a volume and notes what the launcher has to do for it.
func (b *builder) volumeOf(flag, value string, u VolumeUse, w *words) (m specs.Mount, err error) {
	if u.Name != "" {
		if err := volume.CheckName(u.Name); err != nil {
			return m, invalid(flag, value, err.Error())
		}
	}
	if _, err := volume.ParseOptions(u.Options); err != nil {
		return m, invalid(flag, value, err.Error())
	}
	if err := b.sameKind(flag, value, "the volume", u.Destination, fs.ModeDir); err != nil {
		return m, err
	}
	if w[wLabel] != "" && b.Host.SELinux {
		return m, notYet(flag+" "+value+" (relabelling for SELinux)", "leave "+w[wLabel]+" out")
	}
	if w[wOverlay] != "" {
		if w[wAccess]+w[wPropagation]+w[wRecursion]+w[wChown] != "" {
			return m, fail(ErrConflict, "%s %s: O is a layer of its own, always writable and private, above a volume that stays as it is", flag, value)
		}
		if u.Subpath != "" {
			return m, fail(ErrConflict, "%s %s: O and a subpath cannot be given together", flag, value)
		}
	}
	if w[wChown] != "" && u.Subpath != "" {
		return m, fail(ErrConflict, "%s %s: U is for whole volumes", flag, value)
	}
	m = specs.Mount{Destination: u.Destination, Type: "bind", Source: volumeSource + u.Name}
	if w[wOverlay] != "" {
		m.Type = "overlay"
		m.Options = append(m.Options, "nosuid", "nodev")
		b.extra.Overlays = append(b.extra.Overlays, u.Destination)
	} else {
		m.Options = append(m.Options, "rbind", orWord(w[wPropagation], "rprivate"))
	}
	if w[wAccess] == "ro" {
		m.Options = append(m.Options, "rro")
	}
	for _, g := range [...]wordGroup{wExec, wSUID, wDev} {
		if strings.HasPrefix(w[g], "no") && !slices.Contains(m.Options, w[g]) {
			m.Options = append(m.Options, w[g])
		}
	}
	u.NoCopy = u.NoCopy || w[wCopy] == "nocopy"
	b.extra.Volumes = append(b.extra.Volumes, u)
	if w[wChown] != "" {
		b.extra.Chown = append(b.extra.Chown, u.Destination)
	}
	return m, nil
}

func orWord(word, otherwise string) string {
	if word == "" {
		return otherwise
	}
	return word
}

// imageMount makes `--mount type=image`.
func (b *builder) imageMount(s string, m *mountFlag) (out specs.Mount, err error) {
	const flag = "--mount"
	if m.src == "" {
		return out, invalid(flag, s, "it has no source: the name of an image")
	}
	if err := m.words.only(flag, s, wAccess, wExec, wSUID, wDev, wConsistency); err != nil {
		return out, err
	}
	if err := m.noVolumeKeys(s); err != nil {
		return out, err
	}
	if err := b.sameKind(flag, s, "the image", m.dst, fs.ModeDir); m.subpath == "" && err != nil {
		return out, err
	}
	use := ImageMount{Image: m.src, Destination: m.dst, Subpath: m.subpath, Writable: m.words[wAccess] == "rw"}
	out = specs.Mount{Destination: m.dst, Type: "overlay", Source: imageSource + m.src, Options: []string{"nosuid", "nodev"}}
	if !use.Writable {
		out.Options = append(out.Options, "ro")
	}
	if m.words[wExec] == "noexec" {
		out.Options = append(out.Options, "noexec")
	}
	b.extra.Images = append(b.extra.Images, use)
	return out, nil
}

// volumeMount makes `--mount type=volume`.
func (b *builder) volumeMount(s string, m *mountFlag) (out specs.Mount, err error) {
	const flag = "--mount"
	if err := m.words.only(flag, s, wAccess, wExec, wSUID, wDev, wPropagation, wRecursion, wLabel, wChown, wCopy, wConsistency); err != nil {
		return out, err
	}
	if len(m.data) > 0 {
		return out, invalid(flag, s, m.data[0]+" has no meaning for a volume")
	}
	if m.src != "" && (isPath(m.src) || strings.Contains(m.src, "/")) {
		return out, invalid(flag, s, "the source of a volume is its name, not a path").fix("--mount type=bind,…")
	}
	return b.volumeOf(flag, s, VolumeUse{
		Name: m.src, Destination: m.dst, Subpath: m.subpath, MustExist: m.noCreate, Labels: m.labels, Options: m.options,
	}, &m.words)
}

// imageVolumes makes the volumes that the image asks for, as --image-volume says. Explicit mounts come before.
func (b *builder) imageVolumes() error {
	if b.Image == nil || b.o.ImageVolume == "ignore" {
		return nil
	}
	if len(b.Image.Volumes) > maxImageVolumes {
		return fail(ErrUnsupported, "the image asks for %d volumes, at most %d are made", len(b.Image.Volumes), maxImageVolumes).fix("--image-volume ignore")
	}
	list := make([]string, 0, len(b.Image.Volumes))
	for dst := range b.Image.Volumes {
		list = append(list, dst)
	}
	slices.Sort(list)
	for _, dst := range list {
		if err := b.imageVolume(dst); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) imageVolume(dst string) error {
	const flag = "the image's volume"
	clean, err := checkDest(flag, dst, dst)
	if err == nil {
		err = b.sameKind(flag, dst, "a volume", clean, fs.ModeDir)
	}
	if err != nil { // hostile or careless, but not what was asked for here
		b.warn("left out: " + strings.SplitN(err.Error(), "\n", 2)[0])
		return nil
	}
	if b.dests[clean] != "" {
		return nil
	}
	var m specs.Mount
	if b.o.ImageVolume == "tmpfs" {
		m, err = b.tmpfs("--image-volume", "tmpfs", clean, []string{"exec"})
	} else {
		m, err = b.volumeOf(flag, dst, VolumeUse{Destination: clean}, &words{})
	}
	if err != nil {
		return err
	}
	return b.addUser(m, flag+" "+dst)
}

// checkVolumeFlags checks what needs neither image nor host.
func (o *Options) checkVolumeFlags() error {
	switch o.ImageVolume {
	case "", "anonymous", "bind", "tmpfs", "ignore":
	default:
		return invalid("--image-volume", o.ImageVolume, "known are anonymous, bind (the same), tmpfs and ignore")
	}
	if err := volume.CheckDriver(o.VolumeDriver); err != nil {
		return fail(ErrUnsupported, "--volume-driver: %v", err)
	}
	for _, s := range o.VolumesFrom {
		if _, _, err := parseVolumesFrom(s); err != nil {
			return err
		}
	}
	return nil
}
