package intent

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// claim notes who wants a destination and refuses a second one, as docker does.
func (b *builder) claim(dst, by string) error {
	if b.dests == nil {
		b.dests = map[string]string{}
	}
	if old := b.dests[dst]; old != "" {
		return fail(ErrConflict, "duplicate mount point %s: %s and %s", dst, old, by)
	}
	b.dests[dst] = by
	return nil
}

func (b *builder) addUser(m specs.Mount, by string) error {
	if err := b.claim(m.Destination, by); err != nil {
		return err
	}
	b.user = append(b.user, m)
	return nil
}

// userMounts reads -v, --mount and --tmpfs, and the tmpfs that go with --read-only.
func (b *builder) userMounts() error {
	for _, s := range b.o.Volume {
		if err := b.volume(s); err != nil {
			return err
		}
	}
	for _, s := range b.o.Mount {
		f, err := parseMount(s)
		if err != nil {
			return err
		}
		m, err := b.mountOf(s, &f)
		if err != nil {
			return err
		}
		if err := b.addUser(m, "--mount "+s); err != nil {
			return err
		}
	}
	for _, s := range b.o.Tmpfs {
		dst, opts, err := parseTmpfs(s)
		if err != nil {
			return err
		}
		m, err := b.tmpfs("--tmpfs", s, dst, opts)
		if err != nil {
			return err
		}
		if err := b.addUser(m, "--tmpfs "+s); err != nil {
			return err
		}
	}
	b.imageVolumes()
	if b.o.ReadOnly && b.o.ReadOnlyTmpfs {
		for _, dst := range [...]string{"/run", "/tmp", "/var/tmp"} {
			if b.dests[dst] != "" || b.covered(dst) {
				continue
			}
			b.user = append(b.user, specs.Mount{Destination: dst, Type: "tmpfs", Source: "tmpfs",
				Options: b.keepMode([]string{"rprivate", "nosuid", "nodev"}, dst)})
		}
	}
	return nil
}

func (b *builder) volume(s string) error {
	v, err := parseVolume(s)
	if err != nil {
		return err
	}
	switch {
	case v.src == "":
		return b.anonymous(s, v.dst)
	case !isPath(v.src) && strings.Contains(v.src, "/"):
		return invalid("--volume", s, "the source is neither a path nor the name of a volume").fix("-v ./%s", s)
	case !isPath(v.src):
		return errVolumes("--volume " + s)
	}
	m, err := b.bind("--volume", s, v.src, v.dst, &v.words)
	if err != nil {
		return err
	}
	return b.addUser(m, "--volume "+s)
}

// anonymous is `-v /dst`. Docker keeps such a volume apart from the root and removes it with the container.
// Until there is a volume store the directory is made in the container's own root, which is thrown away or
// kept with it: the same life time. Where the root cannot serve, it is an error.
func (b *builder) anonymous(s, dst string) error {
	if b.o.ReadOnly || b.covered(dst) {
		return errVolumes("--volume "+s+" below a mount or with --read-only").fix("--tmpfs %s", dst)
	}
	if err := b.claim(dst, "--volume "+s); err != nil {
		return err
	}
	b.extra.Dirs = append(b.extra.Dirs, dst)
	return nil
}

// imageVolumes does nothing for the VOLUMEs of an image: they live in the container's root, as anonymous
// volumes do. With --read-only they would be writable in docker, and are not here, so it is said.
func (b *builder) imageVolumes() {
	if b.Image == nil || !b.o.ReadOnly || len(b.Image.Volumes) == 0 {
		return
	}
	var left []string
	for dst := range b.Image.Volumes {
		if b.dests[dst] == "" {
			left = append(left, dst)
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		b.warn("volumes of the image are read-only with --read-only; give -v or --tmpfs for " + strings.Join(left, " "))
	}
}
