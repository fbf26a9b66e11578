package doctor

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// podmanOverlay is the first version of podman that takes overlay unasked
// (containers/storage 1.53). Before it a rootless podman without storage.conf
// takes vfs, as Debian 12's does.
const podmanOverlay = 5

// podman asks which form podman keeps images in: only overlay's can be shared.
func podman(ctx context.Context, e *exam) finding {
	if _, err := e.LookPath("podman"); err != nil {
		return works("is not installed")
	}
	if e.UID == 0 {
		return works("has a store of its own beside root's coracle")
	}
	driver, from := e.podmanDriver()
	switch {
	case driver == "overlay":
		return works("shares images: driver = \"overlay\" in " + from)
	case driver != "":
		return weak(fmt.Sprintf("keeps images with the driver %q of %s, which coracle does not read", driver, from), e.overlayLine(from))
	}
	if _, err := e.Stat(filepath.Join(e.store, "vfs-images", "images.json")); err == nil {
		return weak("has images in "+e.store+" that it stored with its vfs driver, which coracle does not read",
			e.overlayLine(e.userConf())+"\npodman system reset   (podman forgets vfs, its images and containers)")
	}
	version := e.PodmanVersion(ctx)
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= podmanOverlay {
		return works("shares images: version " + version + " takes overlay")
	}
	if version == "" {
		version = "of an unknown version"
	}
	return weak(version+" takes the vfs driver where no storage.conf names one: it copies an image for each of its layers, and coracle does not see it", e.overlayLine(e.userConf()))
}

// userConf is the user's own storage.conf.
func (e *exam) userConf() string {
	config := e.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(e.home(), ".config")
	}
	return filepath.Join(config, "containers/storage.conf")
}

// podmanDriver is the driver that podman is told to take, and where.
func (e *exam) podmanDriver() (driver, from string) {
	if d := e.Getenv("STORAGE_DRIVER"); d != "" {
		return d, "$STORAGE_DRIVER"
	}
	paths := []string{e.userConf(), "/etc/containers/storage.conf", "/usr/share/containers/storage.conf"}
	if path := e.Getenv("CONTAINERS_STORAGE_CONF"); path != "" {
		paths = []string{path}
	}
	for _, path := range paths {
		text, err := e.ReadFile(path)
		if err != nil {
			continue
		}
		if d := tomlString(string(text), "storage", "driver"); d != "" {
			return d, path
		}
	}
	return "", ""
}

// overlayLine says where to write what.
func (e *exam) overlayLine(conf string) string {
	if conf == "$STORAGE_DRIVER" {
		return "unset STORAGE_DRIVER"
	}
	if _, err := e.ReadFile(conf); err == nil {
		return fmt.Sprintf("in %s, section [storage]: driver = \"overlay\"", conf)
	}
	return fmt.Sprintf("mkdir -p %s && printf '[storage]\\ndriver = \"overlay\"\\n' >%s", quote(filepath.Dir(conf)), quote(conf))
}

// podmanVersion asks the program, "4.3.1"; "" when it does not answer.
func podmanVersion(ctx context.Context) string {
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	out, err := exec.CommandContext(ctx, "podman", "--version").Output()
	if err != nil {
		return ""
	}
	version, _ := strings.CutPrefix(strings.TrimSpace(string(out)), "podman version ")
	return version
}
