package verbs

import "testing"

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		args []string
		path string
		n    int
	}{
		{[]string{"pull", "x"}, "pull", 1},
		{[]string{"image", "ls", "-q"}, "image ls", 2},
		{[]string{"image", "sign-policy", "check", "x"}, "image sign-policy check", 3},
		{[]string{"image"}, "", 0},
		{[]string{"image", "frob"}, "", 0},
		{[]string{"volume", "rm"}, "volume rm", 2},
		{nil, "", 0},
	} {
		if v, n, ok := Find(Store(), tt.args); v.Path != tt.path || n != tt.n || ok != (tt.n > 0) {
			t.Errorf("%q: %q, %d, %v", tt.args, v.Path, n, ok)
		}
	}
}

func TestEveryAliasHasACommand(t *testing.T) {
	commands := map[string]Verb{}
	for _, v := range Store() {
		if _, twice := commands[v.Path]; twice {
			t.Errorf("%s is there twice", v.Path)
		}
		commands[v.Path] = v
		if v.Is == "" && v.Help == "" {
			t.Errorf("%s has no help", v.Path)
		}
	}
	for _, v := range Store() {
		if is, ok := commands[v.Is]; v.Is != "" && (!ok || is.Is != "") {
			t.Errorf("%s is another name of %s, which is no command", v.Path, v.Is)
		}
	}
}

func TestGroup(t *testing.T) {
	if g := Group(Store(), "system"); len(g) != 4 {
		t.Errorf("%d system commands", len(g))
	}
}
