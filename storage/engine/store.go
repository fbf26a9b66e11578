//go:build containers_image_openpgp

package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coracle/storage/record"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"
)

// ownMounts checks that the mount namespace belongs to the user namespace, so
// that mounting is allowed and nobody else sees it (ioctl_ns(2), NS_GET_USERNS,
// Linux 4.9).
func ownMounts() error {
	refuse := func(why string) error {
		return failf(record.ErrUsage, "the image engine needs a user and a mount namespace of its own: %s", why)
	}
	mnt, err := os.Open("/proc/self/ns/mnt")
	if err != nil {
		return refuse(err.Error())
	}
	defer mnt.Close()
	owner, err := unix.IoctlRetInt(int(mnt.Fd()), unix.NS_GET_USERNS)
	if err != nil {
		return refuse("the mount namespace belongs to another user namespace")
	}
	defer unix.Close(owner)
	var mine, its unix.Stat_t
	if err := unix.Stat("/proc/self/ns/user", &mine); err != nil {
		return refuse(err.Error())
	}
	if err := unix.Fstat(owner, &its); err != nil {
		return refuse(err.Error())
	}
	if mine.Ino != its.Ino || mine.Dev != its.Dev {
		return refuse("the mount namespace belongs to another user namespace")
	}
	return nil
}

// open opens the store with the overlay driver or not at all: left to itself
// the library would fall back to vfs, which copies the whole image for each
// layer, and would say nothing.
func (e *engine) open() error {
	options, err := storeOptions()
	if err != nil {
		return err
	}
	if err := checkLocal(options.GraphRoot); err != nil {
		return err
	}
	switch options.GraphDriverName {
	case "", "overlay":
		options.GraphDriverName = "overlay"
	default:
		return failf(record.ErrUnsupported, "the image store %s is configured for the %q driver; only overlay is supported yet\n"+
			"  fix: remove \"driver\" from storage.conf (or unset STORAGE_DRIVER); images must be pulled anew",
			options.GraphRoot, options.GraphDriverName)
	}
	if has(options.GraphDriverOptions, "mount_program") || mountProgram(options.GraphRoot) {
		return failf(record.ErrUnsupported, "the image store %s is written for fuse-overlayfs, whose marks for deleted files the kernel's overlay does not know\n"+
			"  fix: remove \"mount_program\" from storage.conf and start a new store: podman system reset", options.GraphRoot)
	}
	if e.store, err = storage.GetStore(options); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return failf(storeKind(err), "cannot open the image store %s: %w\n"+
				"  fix: make that directory yours and writable, or choose others: graphroot and runroot in ~/.config/containers/storage.conf", options.GraphRoot, err)
		}
		return failf(storeKind(err), "cannot open the image store %s: %w\n"+
			"  fix: put it on ext4, xfs, btrfs or tmpfs, e.g. graphroot in ~/.config/containers/storage.conf; overlay needs Linux 5.11 or later here",
			options.GraphRoot, err)
	}
	if _, err := os.Stat(filepath.Join(options.GraphRoot, "vfs-images", "images.json")); err == nil {
		e.note("images that podman stored in %s with its vfs driver are not seen; to share them: driver = \"overlay\" under [storage] in ~/.config/containers/storage.conf, and pull anew", options.GraphRoot)
	}
	if has(options.GraphDriverOptions, "ignore_chown_errors") {
		e.note("every file of an image gets one owner: only one user id is mapped")
	}
	e.sys, err = systemContext(&e.req)
	return err
}

// stagingOf is where the overlay driver keeps layers that are being unpacked: in
// the place for layers (drivers/overlay, homeDirForImageStore).
func stagingOf(s sweepable) string {
	root := s.GraphRoot()
	if images := s.ImageStore(); images != "" {
		root = images
	}
	return filepath.Join(root, "overlay", "staging")
}

func storeKind(err error) record.Fault {
	if kind, _ := localKind(err); kind != "" {
		return kind
	}
	return record.ErrStore
}

// mountProgram reports whether the overlay directory was ever written through
// fuse-overlayfs; containers/storage leaves this file.
func mountProgram(graphRoot string) bool {
	data, err := os.ReadFile(filepath.Join(graphRoot, "overlay", ".has-mount-program"))
	return err == nil && strings.TrimSpace(string(data)) == "true"
}

// has reports whether one of containers/storage's options ("overlay.x=y",
// "x=y") sets name to something.
func has(options []string, name string) bool {
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		if key[strings.LastIndexByte(key, '.')+1:] == name && value != "" && value != "false" {
			return true
		}
	}
	return false
}
