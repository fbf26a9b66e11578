package intent

import "testing"

func TestWords(t *testing.T) {
	var w words
	for _, s := range []string{"ro", "noexec", "suid", "dev", "rslave", "rbind", "z", "U", "nocopy", "cached"} {
		if err := w.add("--volume", "x", s); err != nil {
			t.Error(err)
		}
	}
	if w[wAccess] != "ro" || w[wExec] != "noexec" || w[wPropagation] != "rslave" || w[wLabel] != "z" || w[wOverlay] != "" {
		t.Errorf("%q", w)
	}
	// One of each group only, the same or another.
	for _, s := range []string{"ro", "rw", "exec", "nosuid", "nodev", "private", "bind", "Z", "U", "copy", "delegated"} {
		wantErr(t, w.add("--volume", "x", s), ErrConflict, "--volume x: only one of ")
	}
	for _, s := range []string{"", " ", "ro rw", " ro", "RO", "o", "bin", "slave,ro", "default "} {
		wantErr(t, w.add("--volume", "x", s), ErrInvalid, "is not known")
	}
}

func TestWordsOnly(t *testing.T) {
	var w words
	if err := w.only("--tmpfs", "x"); err != nil {
		t.Error(err)
	}
	w[wAccess], w[wLabel] = "ro", "Z"
	if err := w.only("--tmpfs", "x", wLabel, wAccess, wExec); err != nil {
		t.Error(err)
	}
	wantErr(t, w.only("--tmpfs", "x", wAccess), ErrInvalid, "\"Z\" has no meaning")
}

func TestEnviron(t *testing.T) {
	e := &environ{}
	for _, kv := range []string{"A=1", "AB=2", "A=3", "B==", "AB="} {
		e.set(kv)
	}
	equal(t, "list", e.list, []string{"A=3", "AB=", "B=="})
	if !e.has("A") || !e.has("AB") || e.has("") || e.has("ABC") || e.has("A=3") {
		t.Error("has")
	}
	e.unset("A")
	e.unset("nothing")
	e.unset("")
	equal(t, "list", e.list, []string{"AB=", "B=="})
}
