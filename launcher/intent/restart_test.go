package intent

import "testing"

func TestRestartPolicy(t *testing.T) {
	for _, c := range []struct {
		flag, want string
		max        int
	}{
		{"", "no", 0}, {"no", "no", 0}, {"never", "no", 0}, {"always", "always", 0}, {"unless-stopped", "unless-stopped", 0},
		{"on-failure", "on-failure", 0}, {"on-failure:0", "on-failure", 0}, {"on-failure:5", "on-failure:5", 5},
	} {
		p, err := (&RestartFlags{c.flag}).Policy()
		if err != nil || p.String() != c.want || p.Max != c.max || p.Restarts() != (c.want != "no") {
			t.Errorf("%q: %+v %v", c.flag, p, err)
		}
	}
	for _, flag := range []string{":", ":3", "sometimes", "always:3", "no:1", "on-failure:", "on-failure:-1", "on-failure:x", "on-failure:99999999999", "ALWAYS"} {
		_, err := (&RestartFlags{flag}).Policy()
		wantErr(t, err, ErrInvalid, "invalid --restart ")
	}
}

func TestRestartAfter(t *testing.T) {
	for _, c := range []struct {
		flag          string
		status, count int
		want          bool
	}{
		{"no", 1, 0, false}, {"always", 0, 1000, true}, {"unless-stopped", 0, 7, true}, {"on-failure", 0, 0, false}, {"on-failure", 1, 1000, true},
		{"on-failure:2", 1, 1, true}, {"on-failure:2", 1, 2, false}, {"on-failure:2", 0, 0, false},
	} {
		p, err := (&RestartFlags{c.flag}).Policy()
		if err != nil || p.After(c.status, c.count) != c.want {
			t.Errorf("%s after %d, %d times: %v %v", c.flag, c.status, c.count, !c.want, err)
		}
	}
	if (RestartPolicy{}).After(1, 0) || (RestartPolicy{}).Restarts() {
		t.Error("no policy runs a container again")
	}
}

func TestRestartConflicts(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"--rm":           func(o *Options) { o.Restart, o.Rm = "always", true },
		"--preserve-fds": func(o *Options) { o.Restart, o.PreserveFDs = "on-failure:2", 1 },
	} {
		_, _, err := Build(ask(change))
		wantErr(t, err, ErrConflict, "--restart", name)
	}
	mustBuild(t, ask(func(o *Options) { o.Restart, o.Rm = "no", true }))
}
