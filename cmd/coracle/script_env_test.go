package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// kind is as whom a command of a script runs, and what.
type kind struct {
	who     string // user, nosub or root: the name of its directories
	program bool   // the arguments begin with a program; else the program is coracle
	cgroup2 bool   // sees the unified hierarchy: podman and crun refuse a hybrid one
	// delegated puts it in a cgroup that is handed over to the user.
	delegated bool
}

// kinds are the names of commands for scripts.
func kinds() map[string]kind {
	return map[string]kind{
		"coracle":        {who: "user"},
		"asuser":         {who: "user", program: true},
		"peer":           {who: "user", program: true, cgroup2: true},
		"delegated":      {who: "user", program: true, cgroup2: true, delegated: true},
		"asnosub":        {who: "nosub"},
		"ascoracle-root": {who: "root"},
	}
}

func kindOf(name string) (kind, bool) {
	k, ok := kinds()[name]
	return k, ok
}

// Variables that tell the command how to change user. It removes them.
const (
	private    = "CORACLE_TEST_"
	varIDs     = private + "IDS_" // and who: uid:gid:name
	varRun     = private + "RUN"
	varProgram = private + "PROGRAM"
)

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// defaults is the clean environment of one of the users of a script.
func defaults(who, name, work, run string) map[string]string {
	home := filepath.Join(work, ".home", who)
	env := map[string]string{
		"HOME":            home,
		"USER":            name,
		"LOGNAME":         name,
		"XDG_DATA_HOME":   filepath.Join(home, "data"),
		"XDG_RUNTIME_DIR": filepath.Join(run, who),
	}
	if who == "root" {
		// Without it root's images go to /var/lib, which tests do not share.
		env["CONTAINERS_STORAGE_CONF"] = filepath.Join(home, "storage.conf")
	}
	return env
}

// script is the state of one script, for the check at its end.
type script struct {
	work, run string
	users     map[string]*account // by who
	stems     map[string]string
}

// setup prepares a script's users, directories and environment.
func setup(env *testscript.Env) error {
	s := &script{work: env.WorkDir, users: map[string]*account{}, stems: map[string]string{}}
	stems := map[string]string{"user": userStem}
	if os.Geteuid() == 0 {
		stems["nosub"] = nosubStem
		s.users["root"] = &account{name: "root"}
	}
	for who, stem := range stems {
		a, err := accounts.take(stem)
		if err != nil {
			return err
		}
		s.users[who], s.stems[who] = a, stem
	}
	// Socket addresses hold 107 bytes: a runtime directory below the work
	// directory would be too long.
	var err error
	if s.run, err = os.MkdirTemp("", "cr"); err != nil {
		return err
	}
	env.Vars = s.environment(env)
	watchdog := time.AfterFunc(scriptLimit, func() {
		left := s.processes()
		env.T().(testing.TB).Errorf("still running after %v, killed:\n%s", scriptLimit, describe(left))
		killAll(left)
	})
	env.Defer(func() {
		watchdog.Stop()
		s.finish(env.T().(testing.TB))
	})
	return s.directories()
}

func (s *script) environment(env *testscript.Env) []string {
	vars := []string{
		"WORK=" + s.work, // must be first
		"PATH=" + theSuite.names() + ":" + systemPath,
		"LC_ALL=C.UTF-8",
		"TMPDIR=" + env.Getenv("TMPDIR"),
		"devnull=" + os.DevNull, "/=/", ":=:", "$=$", "exe=",
		varRun + "=" + s.run,
		varProgram + "=" + theSuite.real(),
	}
	for who, a := range s.users {
		vars = append(vars, fmt.Sprintf("%s%s=%d:%d:%s", varIDs, who, a.uid, a.gid, a.name))
	}
	for name, value := range defaults("user", s.users["user"].name, s.work, s.run) {
		vars = append(vars, name+"="+value)
	}
	return vars
}

// directories makes the homes, and gives the work directory to the user.
func (s *script) directories() error {
	for _, dir := range []string{filepath.Dir(s.work), s.run} {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(s.work, ".home"), 0o711); err != nil {
		return err
	}
	for who, a := range s.users {
		env := defaults(who, a.name, s.work, s.run)
		for _, name := range []string{"HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"} {
			if err := os.MkdirAll(env[name], 0o700); err != nil {
				return err
			}
		}
		if conf := env["CONTAINERS_STORAGE_CONF"]; conf != "" {
			text := fmt.Sprintf("[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n",
				filepath.Join(env["XDG_DATA_HOME"], "containers/storage"), filepath.Join(env["XDG_RUNTIME_DIR"], "containers"))
			if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	if err := chown(s.work, s.users["user"]); err != nil {
		return err
	}
	for who, a := range s.users {
		env := defaults(who, a.name, s.work, s.run)
		if err := chown(env["HOME"], a); err != nil {
			return err
		}
		if err := chown(env["XDG_RUNTIME_DIR"], a); err != nil {
			return err
		}
	}
	return nil
}

// chown gives a tree that nobody has been let into yet to a user.
func chown(dir string, a *account) error {
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, a.uid, a.gid)
	})
}

// become turns this process, started by a script under one of the names of
// kinds, into coracle or another program, run by the user of that kind. It
// returns only with an error.
func become(k kind) error {
	uid, gid, name, err := parseIDs(os.Getenv(varIDs + k.who))
	if err != nil {
		return fmt.Errorf("no user of kind %s: a script that uses it begins with: [!root] skip 'root: …'", k.who)
	}
	env := environ(os.Environ(), k.who, name)
	argv := append([]string{"coracle"}, os.Args[1:]...)
	path := filepath.Join(os.Getenv(varProgram), "coracle")
	if k.program {
		if argv = os.Args[1:]; len(argv) == 0 {
			return fmt.Errorf("usage: %s PROGRAM [ARG…]", filepath.Base(os.Args[0]))
		}
		if path, err = look(argv[0], env); err != nil {
			return err
		}
	}
	if k.cgroup2 {
		if err := mountCgroup2(); err != nil {
			return err
		}
	}
	if k.delegated {
		if err := delegateTo(uid, gid); err != nil {
			return err
		}
	}
	if err := switchTo(uid, gid); err != nil {
		return err
	}
	return &os.PathError{Op: "exec", Path: path, Err: syscall.Exec(path, argv, env)}
}

func parseIDs(s string) (uid, gid int, name string, err error) {
	f := strings.SplitN(s, ":", 3)
	if len(f) != 3 {
		return 0, 0, "", fmt.Errorf("%q is not uid:gid:name", s)
	}
	if uid, err = strconv.Atoi(f[0]); err != nil {
		return 0, 0, "", err
	}
	gid, err = strconv.Atoi(f[1])
	return uid, gid, f[2], err
}

// environ makes a program's environment from the script's: without what only
// the test engine needs, and with the user's own directories where the script
// has not named others.
func environ(from []string, who, name string) []string {
	vars := map[string]string{}
	for _, kv := range from {
		key, value, _ := strings.Cut(kv, "=")
		vars[key] = value
	}
	users := defaults("user", vars["USER"], vars["WORK"], vars[varRun])
	for key, value := range defaults(who, name, vars["WORK"], vars[varRun]) {
		if vars[key] == users[key] {
			vars[key] = value
		}
	}
	vars["PATH"] = vars[varProgram] + ":" + systemPath
	var to []string
	for key, value := range vars {
		if key == "" || strings.HasPrefix(key, private) || slices.Contains([]string{"/", ":", "$", "devnull", "exe", "PWD"}, key) {
			continue
		}
		to = append(to, key+"="+value)
	}
	slices.Sort(to)
	return to
}

// look finds a program in the PATH of an environment.
func look(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, kv := range env {
		path, ok := strings.CutPrefix(kv, "PATH=")
		for dir := range strings.SplitSeq(path, ":") {
			full := filepath.Join(dir, name)
			if fi, err := os.Stat(full); ok && err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
				return full, nil
			}
		}
	}
	return "", fmt.Errorf("%s: not found", name)
}

// switchTo becomes the user, and hands over the terminals among the standard
// descriptors so that they can be opened again by name.
func switchTo(uid, gid int) error {
	syscall.Umask(0o022)
	if os.Geteuid() != 0 {
		return nil
	}
	for fd := range 3 {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			if err := unix.Fchown(fd, uid, gid); err != nil {
				return err
			}
		}
	}
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("setresgid: %w", err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("setresuid: %w", err)
	}
	return nil
}

func TestEnviron(t *testing.T) {
	from := []string{"WORK=/w", "PATH=/names:/bin", "USER=coracle-test1", "HOME=/w/.home/user", "XDG_RUNTIME_DIR=/elsewhere",
		"SECRET=x", "$=$", "/=/", ":=:", "devnull=/dev/null", varRun + "=/r", varProgram + "=/p", varIDs + "user=1:2:x"}
	got := environ(from, "nosub", "coracle-nosub1")
	want := []string{"HOME=/w/.home/nosub", "LOGNAME=coracle-nosub1", "PATH=/p:" + systemPath, "SECRET=x", "USER=coracle-nosub1", "WORK=/w", "XDG_DATA_HOME=/w/.home/nosub/data", "XDG_RUNTIME_DIR=/elsewhere"}
	if !slices.Equal(slices.DeleteFunc(slices.Clone(got), func(kv string) bool { return strings.HasPrefix(kv, "LOGNAME=") || strings.HasPrefix(kv, "XDG_DATA") }),
		slices.DeleteFunc(want, func(kv string) bool { return strings.HasPrefix(kv, "LOGNAME=") || strings.HasPrefix(kv, "XDG_DATA") })) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
