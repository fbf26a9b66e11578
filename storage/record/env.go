package record

import (
	"slices"
	"strconv"
	"strings"
)

// storeEnv names the variables that lead containers/storage and
// containers/image to other stores and other configuration files.
func storeEnv() []string {
	return []string{
		"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
		"CONTAINERS_STORAGE_CONF", "CONTAINERS_STORAGE_CONF_OVERRIDE",
		"STORAGE_DRIVER", "STORAGE_OPTS",
		"CONTAINERS_REGISTRIES_CONF", "CONTAINERS_REGISTRIES_CONF_OVERRIDE",
	}
}

// engineEnv names the other variables that the engine may see.
func engineEnv() []string {
	return []string{
		"PATH", "TMPDIR", "TERM", "NO_COLOR", "LANG", "LC_ALL",
		"XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "GNUPGHOME",
		"CONTAINERS_POLICY_JSON", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
		// for credential helpers that ask a keyring
		"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY",
	}
}

// Environ picks from environ (as os.Environ returns it) what the engine may
// see, and adds the three variables by which containers/storage learns that it
// runs in a user namespace that somebody else made, and for whom: uid and gid
// are the real user's, outside of that namespace, 0 for real root.
//
// Without them containers/storage would take its mapped root for real root:
// system-wide store, and overlay marks (trusted.*) that the kernel does not
// honour in a user namespace.
func Environ(environ []string, uid, gid int) []string {
	allowed := append(storeEnv(), engineEnv()...)
	out := make([]string, 0, len(allowed)+3)
	for _, kv := range environ {
		if name, _, ok := strings.Cut(kv, "="); ok && slices.Contains(allowed, name) {
			out = append(out, kv)
		}
	}
	return append(out,
		"_CONTAINERS_USERNS_CONFIGURED=done",
		"_CONTAINERS_ROOTLESS_UID="+strconv.Itoa(uid),
		"_CONTAINERS_ROOTLESS_GID="+strconv.Itoa(gid))
}
