package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher"
)

// The versions whose command lines are followed here. Clients that call the
// program by one of these names (a link to it) compare versions, to know what they
// may ask for.
const (
	podmanVersion = "5.4.2"
	dockerVersion = "28.0.4"
	dockerAPI     = "1.48"
)

// VersionCmd prints the version.
type VersionCmd struct {
	Format string `short:"f" placeholder:"TEMPLATE|json" help:"Print in another form: {{.Client.Version}}."`
}

// Run prints.
func (c *VersionCmd) Run(context.Context) (int, error) {
	v := versionOf(filepath.Base(os.Args[0]))
	if c.Format == "" {
		fmt.Println(v.line())
		return 0, nil
	}
	if strings.TrimSpace(c.Format) == "json" {
		c.Format = "{{json .}}"
	}
	return status([]error{format.Inspect(os.Stdout, c.Format, []any{v})})
}

// versions is what templates ask for: podman's fields and docker's.
type versions struct {
	Client aboutVersion
	// Server is what docker's clients ask for; there is none here, so they are told
	// the same. By podman's name there is nothing, as in podman.
	Server *aboutVersion `json:",omitempty"`
	// Coracle is the version of this program, by whatever name it was called.
	Coracle string
}

// aboutVersion is podman's and docker's description of a version.
type aboutVersion struct {
	Version    string
	APIVersion string
	ApiVersion string //nolint:revive // docker's name
	GoVersion  string
	GitCommit  string
	BuiltTime  string
	Built      int64
	BuildTime  string
	OsArch     string
	Os         string
	Arch       string
}

// versionOf is the version as a client sees it that calls the program by name.
func versionOf(name string) versions {
	v := versions{Coracle: launcher.Version()}
	v.Client = aboutVersion{
		Version: v.Coracle, APIVersion: podmanVersion, ApiVersion: dockerAPI, GoVersion: runtime.Version(),
		OsArch: runtime.GOOS + "/" + runtime.GOARCH, Os: runtime.GOOS, Arch: runtime.GOARCH, GitCommit: commit(),
	}
	if fi, err := os.Stat("/proc/self/exe"); err == nil {
		v.Client.Built = fi.ModTime().Unix()
		v.Client.BuiltTime = fi.ModTime().Format(time.ANSIC)
		v.Client.BuildTime = v.Client.BuiltTime
	}
	switch name {
	case "podman":
		v.Client.Version = podmanVersion
	case "docker":
		v.Client.Version, v.Client.APIVersion = dockerVersion, dockerAPI
		v.Server = &v.Client
	default:
		v.Server = &v.Client
	}
	return v
}

// commit is what the build was made from, if it says so.
func commit() string {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range b.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

func (v versions) line() string {
	switch v.Client.Version {
	case podmanVersion:
		return "podman version " + podmanVersion + " (coracle " + v.Coracle + ")"
	case dockerVersion:
		return "Docker version " + dockerVersion + ", build coracle-" + v.Coracle
	}
	return "coracle version " + v.Coracle + " " + v.Client.OsArch
}
