package userns

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// full is the map of the initial user namespace.
var full = IDMap{{0, 0, maxID}}

// testSystem is a machine whose user has uid and gid 1000, with these files in
// /etc, in the initial user namespace, without any program.
func testSystem(t testing.TB, files map[string]string) *system {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &system{
		etc: dir, uid: 1000, gid: 1000, uids: full, gids: full,
		find: func(name string) (string, error) { return "", exec.ErrNotFound },
		run: func(_ context.Context, name string, args ...string) ([]byte, error) {
			return nil, fmt.Errorf("%s: %w", name, exec.ErrNotFound)
		},
	}
}

// answers gives a machine programs: the text that each command line prints. A
// program that is there fails for other arguments. The command lines that were
// run are appended to ran.
func (s *system) answers(ran *[]string, programs map[string]string) {
	var mu sync.Mutex
	has := func(name string) bool {
		for line := range programs {
			if line == name || strings.HasPrefix(line, name+" ") {
				return true
			}
		}
		return false
	}
	s.find = func(name string) (string, error) {
		if has(name) {
			return "/usr/bin/" + name, nil
		}
		return "", exec.ErrNotFound
	}
	s.run = func(_ context.Context, name string, args ...string) ([]byte, error) {
		line := strings.Join(append([]string{name}, args...), " ")
		mu.Lock()
		defer mu.Unlock()
		*ran = append(*ran, line)
		if text, ok := programs[line]; ok {
			return []byte(text), nil
		}
		return nil, fmt.Errorf("%s: exit status 1", name)
	}
}

func longPasswd(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "daemon%d:x:%d:%d:A service of this machine:/var/lib/daemon:/usr/sbin/nologin\n", i, i, i)
	}
	return b.String()
}

// anaGrant is the grant of an ordinary user with the line "ana:100000:65536".
func anaGrant() Grant {
	return Grant{
		UID: 1000, GID: 1000, User: "ana", Source: SourceFiles,
		UIDs: IDMap{{0, 1000, 1}, {1, 100000, 65536}},
		GIDs: IDMap{{0, 1000, 1}, {1, 100000, 65536}},
		etc:  "/nonexistent",
	}
}
