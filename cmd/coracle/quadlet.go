package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"coracle/launcher"
	"coracle/launcher/quadlet"
)

// QuadletPrintCmd is `coracle quadlet print`.
type QuadletPrintCmd struct {
	File string `arg:"" name:"file.container" help:"A .container file."`
}

// Run prints the service that the file stands for.
func (c *QuadletPrintCmd) Run(context.Context) (int, error) {
	_, text, err := readQuadlet(c.File)
	if err != nil {
		return launcher.ExitFailed, err
	}
	fmt.Print(text)
	return 0, nil
}

// QuadletInstallCmd is `coracle quadlet install`.
type QuadletInstallCmd struct {
	Files []string `arg:"" name:"file.container" help:".container files."`
	Force bool     `short:"f" help:"Replace services of these names that are somebody else's."`
}

// Run writes the services where systemd finds them, and prints their paths. Nothing is written when one file has an error.
func (c *QuadletInstallCmd) Run(context.Context) (int, error) {
	dir, err := unitDir()
	if err != nil {
		return launcher.ExitFailed, err
	}
	texts := make(map[string]string)
	var names []string
	for _, file := range c.Files {
		name, text, err := readQuadlet(file)
		if err != nil {
			return launcher.ExitFailed, err
		}
		path := filepath.Join(dir, name+".service")
		if ours, err := isOurs(path); err != nil {
			return launcher.ExitFailed, err
		} else if !ours && !c.Force {
			return launcher.ExitFailed, fmt.Errorf("%s is there and was not made by coracle quadlet\n  fix: rename %s, or --force", path, file)
		}
		texts[path] = text
		names = append(names, name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return launcher.ExitFailed, err
	}
	for _, name := range names {
		path := filepath.Join(dir, name+".service")
		if err := replaceFile(path, texts[path]); err != nil {
			return launcher.ExitFailed, err
		}
		fmt.Println(path)
	}
	fmt.Fprintf(os.Stderr, "now: %s daemon-reload && %s enable --now %s\n", systemctl(), systemctl(), strings.Join(names, " "))
	return 0, nil
}

// QuadletRmCmd is `coracle quadlet rm`.
type QuadletRmCmd struct {
	Names []string `arg:"" name:"service" help:"Names of services that quadlet install made."`
}

// Run removes the services' files.
func (c *QuadletRmCmd) Run(context.Context) (int, error) {
	dir, err := unitDir()
	if err != nil {
		return launcher.ExitFailed, err
	}
	var errs []error
	for _, name := range c.Names {
		name = strings.TrimSuffix(name, ".service")
		path := filepath.Join(dir, name+".service")
		if ours, err := isOurs(path); err != nil {
			errs = append(errs, err)
			continue
		} else if !ours {
			errs = append(errs, fmt.Errorf("%s was not made by coracle quadlet", path))
			continue
		}
		if err := os.Remove(path); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Println(path)
		fmt.Fprintf(os.Stderr, "now: %s disable --now %s; %s daemon-reload\n", systemctl(), name, systemctl())
	}
	return status(errs)
}

// GenerateSystemdCmd is `coracle generate systemd`, which says what to do instead.
type GenerateSystemdCmd struct {
	Words []string `arg:"" optional:"" passthrough:"all" name:"container"`
}

// Run is an error.
func (c *GenerateSystemdCmd) Run(context.Context) (int, error) {
	return launcher.ExitFailed, errors.New("generate systemd: a service is made of a .container file, as podman recommends since 4.4\n  fix: coracle quadlet install NAME.container, or for docker's way: coracle run --restart always")
}

// readQuadlet reads a file and makes the service's text.
func readQuadlet(file string) (name, text string, err error) {
	name, ok := strings.CutSuffix(filepath.Base(file), ".container")
	if !ok || name == "" || strings.ContainsAny(name, " \t\n\"'\\%") {
		return "", "", fmt.Errorf("%q: the name of a file NAME.container is wanted, NAME without spaces, quotes and %%", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	f, err := quadlet.Parse(file, string(data))
	if err != nil {
		return "", "", err
	}
	s := quadlet.Source{Name: name}
	if s.Path, err = filepath.Abs(file); err != nil {
		return "", "", err
	}
	if strings.ContainsAny(s.Path, "\n\r") {
		return "", "", fmt.Errorf("%q: the path holds a newline", s.Path)
	}
	if s.Program, err = os.Executable(); err != nil {
		return "", "", err
	}
	text, err = f.Service(s)
	return name, text, err
}

// unitDir is where a user's own services are, and root's: systemd.unit(5).
func unitDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/etc/systemd/system", nil
	}
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "systemd", "user"), err
}

func systemctl() string {
	if os.Geteuid() == 0 {
		return "systemctl"
	}
	return "systemctl --user"
}

// isOurs tells that a service may be replaced: it is not there, or was made by quadlet install.
func isOurs(path string) (bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return strings.HasPrefix(string(data), quadlet.Mark), err
}

// replaceFile writes a file in one step: systemd may read it at any moment.
func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".coracle-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	_, err = f.WriteString(text)
	if cerr := f.Chmod(0o644); err == nil {
		err = cerr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
