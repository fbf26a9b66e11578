//go:build containers_image_openpgp

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"coracle/storage/record"

	"go.podman.io/storage"
	"go.podman.io/storage/pkg/configfile"
	"go.podman.io/storage/pkg/homedir"
	"go.podman.io/storage/pkg/unshare"
	"go.podman.io/storage/types"
)

// The store that storage.conf and the library's built-in default give root, and
// the one that Coracle gives root instead (see the package comment).
const (
	rootGraph    = "/var/lib/containers/storage"
	ownRootGraph = "/var/lib/coracle/storage"
	ownRootRun   = "/run/coracle/storage"
)

// storeOptions are the library's, corrected for whom we run for.
func storeOptions() (storage.StoreOptions, error) {
	options, err := types.LoadStoreOptions(types.LoadOptions{})
	if err != nil {
		return options, failf(record.ErrStore, "cannot read storage.conf: %w", err)
	}
	if unshare.GetRootlessUID() == 0 {
		if os.Getenv("CONTAINERS_STORAGE_CONF") == "" {
			options.GraphRoot, options.RunRoot, options.ImageStore = ownRootGraph, ownRootRun, ""
		}
	} else if options.GraphRoot == rootGraph {
		if err := userDefaults(&options); err != nil {
			return options, failf(record.ErrStore, "cannot find a place for the image store: %w", err)
		}
	}
	single, err := singleID("/proc/self/uid_map")
	if err != nil {
		return options, failf(record.ErrStore, "cannot read the id map: %w", err)
	}
	if single {
		// Every file becomes ours: the one owner that exists.
		options.GraphDriverOptions = append(options.GraphDriverOptions, "overlay.ignore_chown_errors=true")
	}
	return options, nil
}

// userDefaults undoes a graphroot meant for root, as podman before version 6
// does for every user without a storage.conf of his own.
func userDefaults(options *storage.StoreOptions) error {
	conf := new(types.TomlConfig)
	if err := configfile.ParseTOML(conf, storageConf()); err != nil {
		return err
	}
	data, err := homedir.GetDataHome()
	if err != nil {
		return err
	}
	run, err := homedir.GetRuntimeDir()
	if err != nil {
		return err
	}
	options.GraphRoot = filepath.Join(data, "containers", "storage")
	options.RunRoot = filepath.Join(run, "containers")
	if p := conf.Storage.RootlessStoragePath; p != "" {
		p = strings.ReplaceAll(p, "$UID", fmt.Sprint(unshare.GetRootlessUID()))
		options.GraphRoot = filepath.Clean(os.ExpandEnv(p))
	}
	return nil
}

// singleID reports whether the user namespace maps one id only.
func singleID(path string) (bool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	var inside, outside, size uint32
	n, err := fmt.Sscanf(string(data), "%d %d %d", &inside, &outside, &size)
	if err != nil || n != 3 {
		return false, fmt.Errorf("%s says %q", path, data)
	}
	return size == 1 && strings.Count(string(data), "\n") <= 1, nil
}

func storageConf() *configfile.File {
	return &configfile.File{
		Name: "storage", Extension: "conf",
		EnvironmentName: "CONTAINERS_STORAGE_CONF", UserId: unshare.GetRootlessUID(),
	}
}

func registriesConf() *configfile.File {
	return &configfile.File{
		Name: "registries", Extension: "conf",
		EnvironmentName: "CONTAINERS_REGISTRIES_CONF", UserId: unshare.GetRootlessUID(),
	}
}

// fileTokensOf are the states of every file that conf is read from, and of every
// place where one that would count could appear.
func fileTokensOf(conf *configfile.File) ([]record.Token, error) {
	where, err := configfile.GetSearchPaths(conf)
	if err != nil {
		return nil, err
	}
	paths := append([]string(nil), where.MainFiles...)
	for i, p := range paths {
		if _, err := os.Stat(p); err == nil {
			paths = paths[:i+1] // the first that exists is the one that counts
			break
		}
	}
	for _, dir := range where.DropInDirectories {
		paths = append(paths, dir)
		entries, _ := os.ReadDir(dir) // what cannot be read was an error before
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), "."+conf.Extension) {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	if where.ExtraOverrideFile != "" {
		paths = append(paths, where.ExtraOverrideFile)
	}
	return fileTokens(paths...)
}

func fileTokens(paths ...string) ([]record.Token, error) {
	tokens := make([]record.Token, 0, len(paths))
	for _, p := range paths {
		t, err := record.Take(record.File, p)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}
