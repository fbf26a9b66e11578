package intent

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"coracle/storage/volume"
)

// parseVolumesFrom reads CONTAINER[:OPTS] of --volumes-from.
func parseVolumesFrom(s string) (name string, w words, err error) {
	const flag = "--volumes-from"
	name, opts, has := strings.Cut(s, ":")
	if name == "" || strings.IndexByte(s, 0) >= 0 {
		return "", w, invalid(flag, s, "CONTAINER[:ro|rw] is wanted")
	}
	if has {
		for word := range strings.SplitSeq(opts, ",") {
			if err := w.add(flag, s, word); err != nil {
				return "", w, err
			}
		}
	}
	return name, w, w.only(flag, s, wAccess, wLabel)
}

// volumesFrom mounts what other containers have mounted on demand. What was asked for here comes before, as in
// docker and podman; of two containers, the first.
func (b *builder) volumesFrom() error {
	for _, s := range b.o.VolumesFrom {
		name, w, err := parseVolumesFrom(s)
		if err != nil {
			return err
		}
		if w[wLabel] != "" && b.Host.SELinux {
			return notYet("--volumes-from "+s+" (relabelling for SELinux)", "leave "+w[wLabel]+" out")
		}
		if b.Host.MountsOf == nil {
			return fail(ErrNotFound, "--volumes-from %s: no such container", s)
		}
		mounts, err := b.Host.MountsOf(name)
		if err != nil {
			return fail(ErrNotFound, "--volumes-from %s: %v", s, err)
		}
		for i := range mounts {
			if err := b.volumeFrom(s, name, &mounts[i], w[wAccess]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) volumeFrom(s, name string, from *volume.Mount, access string) error {
	const flag = "--volumes-from"
	dst, err := checkDest(flag, s, from.Destination)
	if err != nil || b.dests[dst] != "" {
		return err
	}
	m := specs.Mount{Destination: dst, Type: from.Type, Source: from.Source, Options: withAccess(from.Options, access)}
	if from.Type == "overlay" { // a layer of its own, as the other has one
		if slices.ContainsFunc(m.Options, func(o string) bool { return strings.HasPrefix(o, "upperdir=") }) {
			return fail(ErrUnsupported, "%s %s: at %s is an overlay with an upperdir, and two containers cannot write to one", flag, s, dst)
		}
		b.extra.Overlays = append(b.extra.Overlays, dst)
	}
	switch kind := from.Type; {
	case kind == "volume", kind == "overlay" && from.Name != "":
		if err := volume.CheckName(from.Name); err != nil {
			return invalid(flag, s, err.Error())
		}
		m.Source = volumeSource + from.Name
		if kind == "volume" {
			m.Type = "bind"
		}
		b.extra.Volumes = append(b.extra.Volumes, VolumeUse{
			Name: from.Name, Destination: dst, Subpath: from.Subpath, NoCopy: true, MustExist: true,
		})
	case kind == "image":
		b.extra.Images = append(b.extra.Images, ImageMount{
			Image: from.Source, Destination: dst, Subpath: from.Subpath, Writable: !slices.Contains(m.Options, "ro"),
		})
		m.Type, m.Source = "overlay", imageSource+from.Source
	case kind == "bind", kind == "overlay":
		st, err := b.Host.stat(from.Source)
		if err != nil {
			return fail(ErrNotFound, "%s %s: cannot bind %s: %v", flag, s, from.Source, cause(err))
		}
		if err := b.sameKind(flag, s, from.Source, dst, st.Mode); err != nil {
			return err
		}
	case kind == "tmpfs":
		m.Source = "tmpfs"
	default:
		return fail(ErrUnsupported, "%s %s: a mount of type %q at %s cannot be shared", flag, s, from.Type, dst)
	}
	if b.extra.From == nil {
		b.extra.From = map[string]string{}
	}
	b.extra.From[dst] = name
	return b.addUser(m, flag+" "+s)
}

// withAccess changes whether a mount can be written to; "" leaves it.
func withAccess(options []string, access string) []string {
	out := slices.Clone(options)
	if access == "" {
		return out
	}
	out = slices.DeleteFunc(out, func(o string) bool { return o == "ro" || o == "rro" || o == "rw" })
	if access == "ro" {
		ro := "ro"
		if slices.Contains(out, "rbind") {
			ro = "rro"
		}
		out = append(out, ro)
	}
	return out
}
