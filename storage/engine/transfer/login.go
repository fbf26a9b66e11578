//go:build containers_image_openpgp

package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/pkg/docker/config"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage/pkg/homedir"
	"go.podman.io/storage/pkg/unshare"

	"coracle/storage/engine"
)

// ErrNotLoggedIn is in the error for a registry without credentials.
var ErrNotLoggedIn = errors.New("not logged in")

// Credentials are where names and passwords are kept (containers-auth.json(5)).
type Credentials struct {
	// Sys has the file that the user named, if any, and how to reach registries.
	Sys *types.SystemContext
}

// runtimeFile is the file that podman writes by default, which is lost at
// logout; userFile is one that stays, which podman reads too.
func runtimeFile() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "containers", "auth.json")
	}
	return fmt.Sprintf("/run/containers/%d/auth.json", unshare.GetRootlessUID())
}

func userFile() (string, error) {
	dir, err := homedir.GetConfigHome()
	return filepath.Join(dir, "containers", "auth.json"), err
}

// EnvironmentFile is the file that the environment names for the others, too:
// REGISTRY_AUTH_FILE.
func EnvironmentFile() string { return os.Getenv("REGISTRY_AUTH_FILE") }

func (c *Credentials) named() bool {
	return c.Sys.AuthFilePath != "" || c.Sys.DockerCompatAuthFilePath != ""
}

// in is the context with a file named.
func (c *Credentials) in(file string) *types.SystemContext {
	sys := *c.Sys
	sys.AuthFilePath = file
	return &sys
}

// writable is the context with the file that a login goes to. Where a file in
// the run-time directory hides the other one, there is no choice.
func (c *Credentials) writable() (*types.SystemContext, error) {
	if c.named() {
		return c.Sys, nil
	}
	if _, err := os.Stat(runtimeFile()); err == nil {
		return c.in(runtimeFile()), nil
	}
	file, err := userFile()
	return c.in(file), err
}

// Registry is the registry of a login without a name: the first that names are
// searched in, as podman has it, else docker's.
func (c *Credentials) Registry() (string, error) {
	all, err := sysregistriesv2.UnqualifiedSearchRegistries(c.Sys)
	if err != nil {
		return "", err
	}
	if len(all) > 0 {
		return all[0], nil
	}
	return "docker.io", nil
}

// Key is what credentials are kept under: a host, or a host and the beginning of
// a path in it. host is what they are tried at.
func Key(registry string) (key, host string, err error) {
	key = registry
	for _, scheme := range []string{"https://", "http://"} {
		key = strings.TrimPrefix(key, scheme)
	}
	key = strings.TrimSuffix(key, "/")
	host, path, _ := strings.Cut(key, "/")
	if key == "" || host == "" || strings.ContainsAny(key, " @?#\n\t") || strings.Contains(path, ":") || strings.Contains("/"+path, "//") {
		return "", "", fmt.Errorf("%q is no registry\n  fix: a host, as registry.example:5000", registry)
	}
	return key, host, nil
}

// Login tries credentials at the registry and keeps them; where says in what.
func (c *Credentials) Login(ctx context.Context, registry, user, password string) (where string, err error) {
	key, host, err := Key(registry)
	if err != nil {
		return "", err
	}
	if err := docker.CheckAuth(ctx, c.Sys, user, password, host); err != nil {
		var refused docker.ErrUnauthorizedForCredentials
		if errors.As(err, &refused) {
			return "", fmt.Errorf("%s does not accept this name and password\n  fix: coracle login %s, with the right ones", host, host)
		}
		return "", fmt.Errorf("cannot log in to %s: %w", host, engine.At(host, nil, err))
	}
	sys, err := c.writable()
	if err != nil {
		return "", err
	}
	if where, err = config.SetCredentials(sys, key, user, password); err != nil {
		return "", fmt.Errorf("cannot keep the credentials: %w", err)
	}
	return where, nil
}

// Known returns the credentials that are kept for a registry.
func (c *Credentials) Known(registry string) (user, password string, err error) {
	key, _, err := Key(registry)
	if err != nil {
		return "", "", err
	}
	found, err := config.GetCredentials(c.Sys, key)
	return found.Username, found.Password, err
}

// Logout forgets a registry's credentials, wherever a login has put them.
// Errors: ErrNotLoggedIn.
func (c *Credentials) Logout(registry string) error {
	key, _, err := Key(registry)
	if err != nil {
		return err
	}
	return c.everywhere(key, func(sys *types.SystemContext) error { return config.RemoveAuthentication(sys, key) })
}

// LogoutAll forgets all credentials.
func (c *Credentials) LogoutAll() error {
	return c.everywhere("any registry", config.RemoveAllAuthentication)
}

func (c *Credentials) everywhere(what string, forget func(*types.SystemContext) error) error {
	files := []*types.SystemContext{c.Sys}
	if !c.named() {
		user, err := userFile()
		if err != nil {
			return err
		}
		files = nil
		for _, file := range []string{runtimeFile(), user} {
			if _, err := os.Stat(file); err == nil {
				files = append(files, c.in(file))
			}
		}
		if len(files) == 0 {
			files = append(files, c.in(user)) // for helpers, which need no file
		}
	}
	done := false
	for _, sys := range files {
		switch err := forget(sys); {
		case err == nil:
			done = true
		case done && c.helpers(): // which were asked with the first file
		case !errors.Is(err, config.ErrNotLoggedIn):
			return fmt.Errorf("cannot forget the credentials: %w", err)
		}
	}
	if done {
		return nil
	}
	if user, _, err := c.Known(what); err == nil && user != "" {
		return fmt.Errorf("%w by this tool to %s, but by docker\n  fix: docker logout %s", ErrNotLoggedIn, what, what)
	}
	return fmt.Errorf("%w to %s", ErrNotLoggedIn, what)
}

// helpers reports whether registries.conf names programs that keep credentials.
func (c *Credentials) helpers() bool {
	all, err := sysregistriesv2.CredentialHelpers(c.Sys)
	for _, h := range all {
		if h != sysregistriesv2.AuthenticationFileHelper {
			return true
		}
	}
	return err != nil
}
