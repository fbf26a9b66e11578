package intent

import (
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
	for _, step := range []func() error{b.volumesFrom, b.imageVolumes} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, m := range b.user {
		b.extra.Asked = append(b.extra.Asked, m.Destination)
	}
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
	var m specs.Mount
	switch {
	case v.src != "" && isPath(v.src):
		b.layer = v.layer
		m, err = b.bind("--volume", s, v.src, v.dst, &v.words)
	case strings.Contains(v.src, "/"):
		return invalid("--volume", s, "the source is neither a path nor the name of a volume").fix("-v ./%s", s)
	case v.layer != (OverlayDirs{}):
		return fail(ErrUnsupported, "--volume %s: upperdir and workdir are for host directories", s)
	default:
		m, err = b.volumeOf("--volume", s, VolumeUse{Name: v.src, Destination: v.dst}, &v.words)
	}
	if err != nil {
		return err
	}
	return b.addUser(m, "--volume "+s)
}
