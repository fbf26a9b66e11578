package doctor

import (
	"path/filepath"
	"strconv"
	"strings"

	"coracle/userns"
)

// findStore is the directory of the image store: what storage.conf names, or
// the default of containers-storage.conf(5), for root that of package
// storage/engine. The engine reads these files in full; here one value of
// them is enough, and no TOML library is linked for it.
func (e *exam) findStore() string {
	if path := e.Getenv("CONTAINERS_STORAGE_CONF"); path != "" {
		if dir := e.confValue(path, "graphroot"); dir != "" {
			return dir
		}
	}
	if e.UID == 0 {
		return "/var/lib/coracle/storage"
	}
	config, data := e.Getenv("XDG_CONFIG_HOME"), e.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(e.home(), ".config")
	}
	if !filepath.IsAbs(data) {
		data = filepath.Join(e.home(), ".local/share")
	}
	for _, c := range []struct{ path, key string }{
		{filepath.Join(config, "containers/storage.conf"), "graphroot"},
		{"/etc/containers/storage.conf", "rootless_storage_path"},
		{"/usr/share/containers/storage.conf", "rootless_storage_path"},
	} {
		if dir := e.confValue(c.path, c.key); dir != "" {
			return dir
		}
	}
	return filepath.Join(data, "containers/storage")
}

// confValue is an absolute directory from a storage.conf, "" when it is not
// given there.
func (e *exam) confValue(path, key string) string {
	text, err := e.ReadFile(path)
	if err != nil {
		return ""
	}
	value := tomlString(string(text), "storage", key)
	for name, v := range map[string]string{"$HOME": e.home(), "$USER": e.name(), "$UID": strconv.Itoa(e.UID)} {
		value = strings.ReplaceAll(value, name, v)
	}
	if !filepath.IsAbs(value) {
		return ""
	}
	return filepath.Clean(value)
}

// tomlString finds a key with a string on one line in a section of a TOML
// file, "" when it is not there or written in another way.
func tomlString(text, section, key string) string {
	in := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if head, ok := strings.CutPrefix(l, "["); ok {
			in, _, _ = strings.Cut(head, "]")
			continue
		}
		k, v, ok := strings.Cut(l, "=")
		if !ok || strings.TrimSpace(in) != section || strings.Trim(strings.TrimSpace(k), `"`) != key {
			continue
		}
		v = strings.TrimSpace(v)
		if v == "" || v[0] != '"' && v[0] != '\'' {
			return ""
		}
		value, _, closed := strings.Cut(v[1:], v[:1])
		if !closed {
			return ""
		}
		return value
	}
	return ""
}

// StoreDir is the directory of the user's image store, existing or not.
func StoreDir(grant userns.Grant) string {
	e := &exam{Host: RealHost(), grant: grant}
	e.UID = grant.UID
	return e.findStore()
}
