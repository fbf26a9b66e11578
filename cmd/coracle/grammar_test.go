package main

import (
	"reflect"
	"strings"
	"testing"
)

// Both grammars give the same options, or the same error.
func TestPartOfTheGrammarIsEnough(t *testing.T) {
	lines := []string{
		"",
		"debian",
		"debian ls -l --rm",
		"-it --rm debian bash",
		"-ti debian",
		"--rm -e A=b -e C=d,e -eF=g debian",
		"-v /a:/b:ro --volume /c:/d --mount type=tmpfs,target=/x debian sh -c x",
		"--sig-proxy=false --read-only --no-read-only-tmpfs debian",
		"--no-sig-proxy debian",
		"--entrypoint= debian x",
		"--entrypoint sh debian -c x",
		"--net host --dns-opt ndots:1 debian",
		"--cap-add NET_ADMIN,SYS_TIME --cap-drop=ALL debian",
		"--oom-score-adj -5 --stop-timeout -1 debian",
		"--userns keep-id:uid=1,gid=2 -- debian -x",
		"-u 1:2 -w /x -h name --name n debian",
		"--timeout 3 --preserve-fds 2 debian",
		"--http-proxy --init --privileged debian",
		"--nosuch debian",
		"-Z debian",
		"--rm=maybe debian",
		"--timeout x debian",
		"-p 80:80 -d debian",
		"--memory 1g debian",
	}
	for _, line := range lines {
		t.Run(line, func(t *testing.T) {
			args := strings.Fields(line)
			var part, whole RunCmd
			perr := parse("run", &part, args)
			k, err := parser("run", &whole)
			if err != nil {
				t.Fatal(err)
			}
			_, werr := k.Parse(args)
			if (perr == nil) != (werr == nil) || perr != nil && perr.Error() != werr.Error() {
				t.Fatalf("part: %v; whole: %v", perr, werr)
			}
			if perr == nil && !reflect.DeepEqual(part, whole) {
				t.Errorf("part:\n%+v\nwhole:\n%+v", part, whole)
			}
		})
	}
}

// Every flag alone is found by its name, letter and aliases.
func TestEveryFlagIsFound(t *testing.T) {
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Anonymous {
				walk(f.Type)
				continue
			}
			if has(f.Tag, "arg") {
				continue
			}
			var whole RunCmd
			k, err := parser("run", &whole)
			if err != nil {
				t.Fatal(err)
			}
			for _, flag := range k.Model.Flags {
				if flag.Target.Type() != f.Type || !strings.EqualFold(strings.ReplaceAll(flag.Name, "-", ""), strings.ReplaceAll(nameOf(f), "-", "")) {
					continue
				}
				words, _ := mentioned([]string{"--" + flag.Name})
				if !mentions(words, field{StructField: f}) {
					t.Errorf("--%s is not found", flag.Name)
				}
			}
		}
	}
	walk(reflect.TypeFor[RunCmd]())
}

func nameOf(f reflect.StructField) string {
	if n := f.Tag.Get("name"); n != "" {
		return n
	}
	return f.Name
}

func TestWithout(t *testing.T) {
	got := without(`short:"e" help:"say \"x\"" placeholder:"A|B"`, "help", "placeholder")
	if got != `short:"e"` {
		t.Errorf("got %s", got)
	}
}

func BenchmarkParseRun(b *testing.B) {
	for b.Loop() {
		var v RunCmd
		if err := parse("run", &v, []string{"--rm", "--network", "none", "debian", "true"}); err != nil {
			b.Fatal(err)
		}
	}
}

// kong gives a flag at the end of the line, its value missing, the empty string;
// `coracle run --name` would run the built-in image.
func TestFlagAtTheEndWithoutValue(t *testing.T) {
	for line, bad := range map[string]bool{
		"--name": true, "--entrypoint": true, "-u": true, "--rm --hostname": true, "-it -w": true, "-itu": true, "-v": true,
		"": false, "--rm": false, "-it": false, "--name=": false, "--entrypoint=": false, "debian --name": false, "debian -u": false,
		"--name n": false, "-- debian -u": false,
	} {
		var c RunCmd
		if err := parse("run", &c, strings.Fields(line)); (err != nil) != bad {
			t.Errorf("%q: %v", line, err)
		}
	}
}
