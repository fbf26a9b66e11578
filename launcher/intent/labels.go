package intent

import (
	"maps"
	"path/filepath"
)

// abs makes a path of the caller absolute.
func (b *builder) abs(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(b.Host.Cwd, name)
}

// labels merges the image's labels, --label-file and --label, later ones winning, and sets the annotations.
// Annotations of an image are never taken: some runtimes act on them.
func (b *builder) labels() error {
	o := b.o
	if b.Image != nil {
		b.extra.Labels = maps.Clone(b.Image.Labels)
	}
	put := func(key, value string) {
		if b.extra.Labels == nil {
			b.extra.Labels = map[string]string{}
		}
		b.extra.Labels[key] = value
	}
	for _, file := range o.LabelFile {
		data, err := b.Host.readFile(b.abs(file), fileLimit)
		if err != nil {
			return fail(ErrNotFound, "cannot read --label-file %s: %v", file, err)
		}
		lines, err := parseKVFile("--label-file "+file, data)
		if err != nil {
			return err
		}
		for _, l := range lines {
			k, v, _, err := cutKey("--label-file "+file, l)
			if err != nil {
				return err
			}
			put(k, v)
		}
	}
	for _, l := range o.Label {
		k, v, _, err := cutKey("--label", l)
		if err != nil {
			return err
		}
		put(k, v)
	}
	for _, a := range o.Annotation {
		k, v, has, err := cutKey("--annotation", a)
		if err != nil {
			return err
		}
		if !has {
			return invalid("--annotation", a, "KEY=VALUE is wanted")
		}
		if b.spec.Annotations == nil {
			b.spec.Annotations = map[string]string{}
		}
		b.spec.Annotations[k] = v
	}
	return nil
}
