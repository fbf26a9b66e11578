package main_test

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata/attack attack the real program, one class of CVE each;
// docs/threats.md has the promises that they test. They have the words of the
// scripts in testdata/script, and
//
//	hostile [PATH]    puts the attacker's program, testdata/hostile, at PATH (hostile)
//	until COMMAND…    runs a command again and again until it succeeds, for 20 seconds
//
// Environment variable STARTS is how often a race is run: CORACLE_ATTACK_STARTS,
// or 100.
func TestAttack(t *testing.T) {
	theSuite.install(t)
	t.Cleanup(func() { // after the scripts, which are parallel
		os.RemoveAll(theSuite.dir)
		theSuite.dir = ""
	})
	program := filepath.Join(theSuite.dir, "hostile")
	build := exec.Command("go", "build", "-o", program, "./testdata/hostile")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"hostile": func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) > 1 {
				ts.Fatalf("usage: hostile [PATH]")
			}
			data, err := os.ReadFile(program)
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(append(args, "hostile")[0]), data, 0o755))
		},
		"until": until,
	}
	maps.Copy(commands, scriptCommands())
	testscript.Run(t, testscript.Params{
		Dir: "testdata/attack",
		Setup: func(env *testscript.Env) error {
			if err := setup(env); err != nil {
				return err
			}
			env.Setenv("STARTS", cmp.Or(os.Getenv("CORACLE_ATTACK_STARTS"), "100"))
			return nil
		},
		Condition:           condition,
		Cmds:                commands,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
	})
}

// scriptCommands are the words of all scripts.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"exits":    cmdExits,
		"forget":   cmdForget,
		"mkimage":  cmdMkimage,
		"registry": cmdRegistry,
	}
	for name := range kinds() {
		commands[name] = func(ts *testscript.TestScript, neg bool, args []string) { start(ts, neg, name, args) }
	}
	return commands
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until COMMAND [ARG…]")
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%v for 20 seconds", err)
		}
	}
}
