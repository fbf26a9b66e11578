package intent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestUser(t *testing.T) {
	for _, c := range []struct {
		user     string
		uid, gid uint32
		home     string
		more     []uint32
	}{
		{"", 0, 0, "/root", nil},
		{"root", 0, 0, "/root", nil},
		{"0", 0, 0, "/root", nil},
		{"ana", 1000, 1000, "/home/ana", []uint32{33, 27}},
		{"1000", 1000, 1000, "/home/ana", []uint32{33, 27}},
		{"01000", 1000, 1000, "/home/ana", []uint32{33, 27}},
		{"ana:sudo", 1000, 27, "/home/ana", nil},
		{"ana:5", 1000, 5, "/home/ana", nil},
		{"1000:4242", 1000, 4242, "/home/ana", nil},
		{"4242", 4242, 0, "/", nil},
		{"4242:tty", 4242, 5, "/", nil},
		{"65536:65536", 65536, 65536, "/", nil},
		{"daemon", 1, 1, "/usr/sbin", nil},
	} {
		for _, image := range []bool{false, true} {
			in := ask(func(o *Options) { o.User = c.user })
			if image {
				in.Options.User, in.Image.User = "", c.user
			}
			s, _ := mustBuild(t, in)
			u := s.Process.User
			if u.UID != c.uid || u.GID != c.gid || !slices.Equal(u.AdditionalGids, append([]uint32{c.gid}, c.more...)) || !slices.Contains(s.Process.Env, "HOME="+c.home) {
				t.Errorf("%q: %+v %v", c.user, u, s.Process.Env)
			}
		}
	}
}

// CVE-2026-30892: what is not clearly a user must fail, never run as somebody else.
func TestUserErrors(t *testing.T) {
	for _, c := range []struct {
		user, text string
		kind       error
	}{
		{"+1", "starts with +", ErrInvalid},
		{"-1", "starts with -", ErrInvalid},
		{"1:", "the group is empty", ErrInvalid},
		{":1", "the user is empty", ErrInvalid},
		{":", "the user is empty", ErrInvalid},
		{"1:-1", "the group starts with -", ErrInvalid},
		{"1:2:3", "the group is not an id", ErrInvalid},
		{"ana:", "the group is empty", ErrInvalid},
		{"4294967295", "larger than 4294967294", ErrInvalid},
		{"99999999999999999999", "larger than 4294967294", ErrInvalid},
		{"0:4294967295", "larger than 4294967294", ErrInvalid},
		{" 1", "cannot be a name", ErrInvalid},
		{"a b", "cannot be a name", ErrInvalid},
		{"1\n", "cannot be a name", ErrInvalid},
		{"a\x00", "cannot be a name", ErrInvalid},
		{"#1", "starts with #", ErrInvalid},
		{"a/b", "cannot be a name", ErrInvalid},
		{strings.Repeat("a", 300), "longer than 256", ErrInvalid},
		{"nobody", "unable to find user nobody: no matching entries in passwd file", ErrNotFound},
		{"0x10", "unable to find user 0x10", ErrNotFound},
		{"1e3", "unable to find user", ErrNotFound},
		{"ana:wheel", "unable to find group wheel: no matching entries in group file", ErrNotFound},
		{"70000", "user 70000 does not exist in the container: it has users 0-65536", ErrUnsupported},
		{"4294967294", "usermod --add-subuids", ErrUnsupported},
		{"0:big", "group 70000 does not exist", ErrUnsupported},
	} {
		_, _, err := Build(ask(func(o *Options) { o.User = c.user }))
		wantErr(t, err, c.kind, c.text)
	}
	in := ask(nil)
	in.Image.User = "+1"
	_, _, err := Build(in)
	wantErr(t, err, ErrInvalid, "USER of the image")
}

// CVE-2024-9676: databases that are no regular files or have no end.
func TestUserDatabaseTricks(t *testing.T) {
	for _, db := range []string{"etc/passwd", "etc/group"} {
		for _, content := range []string{"FIFO", strings.Repeat("x", dbLimit+1)} {
			in := ask(func(o *Options) { o.User = "ana" })
			in.View.(fakeView)[db] = content
			_, _, err := Build(in)
			wantErr(t, err, ErrInvalid, "cannot read /"+db)
		}
	}
	in := ask(nil)
	in.View = fakeView{}
	s, _ := mustBuild(t, in)
	if s.Process.User.UID != 0 || !slices.Contains(s.Process.Env, "HOME=/") {
		t.Errorf("without databases: %+v", s.Process)
	}
}

func TestHomeFromAHostilePasswd(t *testing.T) {
	for home, want := range map[string]string{"relative": "/", "": "/", "/ok": "/ok", "/a\x00b": "/"} {
		in := ask(nil)
		in.View.(fakeView)["etc/passwd"] = "root:x:0:0:r:" + home + ":/bin/sh\n"
		s, _ := mustBuild(t, in)
		if !slices.Contains(s.Process.Env, "HOME="+want) {
			t.Errorf("home %q: %v", home, s.Process.Env)
		}
	}
}

func TestGroupAdd(t *testing.T) {
	s, _ := mustBuild(t, ask(func(o *Options) { o.User, o.GroupAdd = "ana", []string{"tty", "27", "4242"} }))
	equal(t, "groups", s.Process.User.AdditionalGids, []uint32{1000, 33, 27, 5, 4242})
	s, e := mustBuild(t, ask(func(o *Options) { o.User, o.GroupAdd = "ana", []string{"keep-groups"} }))
	if !e.KeepGroups || s.Process.User.AdditionalGids != nil {
		t.Errorf("%+v %+v", e, s.Process.User)
	}
	for g, kind := range map[string]error{"": ErrInvalid, "+5": ErrInvalid, "wheel": ErrNotFound, "big": ErrUnsupported, "90000": ErrUnsupported} {
		_, _, err := Build(ask(func(o *Options) { o.GroupAdd = []string{g} }))
		wantErr(t, err, kind)
	}
}

// A group of the image that is not mapped cannot be the user's fault: it is left out, and said.
func TestUnmappedGroupsOfTheImage(t *testing.T) {
	_, e := mustBuild(t, ask(func(o *Options) { o.User = "ana" }))
	equal(t, "warnings", e.Warnings, []string{"groups of the user that are not mapped are left out: big"})
}

func TestOneID(t *testing.T) {
	one := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 0, Size: 1}}
	in := ask(nil)
	in.Maps = Maps{UIDs: one, GIDs: one, NoGroups: true}
	in.View.(fakeView)["etc/group"] = "root:x:0:root\nbin:x:1:root\n"
	s, e := mustBuild(t, in)
	if s.Process.User.AdditionalGids != nil || len(e.Warnings) != 0 {
		t.Errorf("%+v %q", s.Process.User, e.Warnings)
	}
	if m := mountAt(s, "/dev/pts"); slices.Contains(m.Options, "gid=5") {
		t.Errorf("devpts names a group that is not mapped: %v", m.Options)
	}
	in.Options.GroupAdd = []string{"0"}
	_, _, err := Build(in)
	wantErr(t, err, ErrUnsupported, "setgroups", "usermod")
	in.Options.GroupAdd, in.Options.User = nil, "1"
	_, _, err = Build(in)
	wantErr(t, err, ErrUnsupported, "it has users 0\n")
}

func TestKeepID(t *testing.T) {
	in := ask(nil)
	in.Maps.Keep = &IDs{1000, 1000}
	s, _ := mustBuild(t, in)
	if u := s.Process.User; u.UID != 1000 || u.GID != 1000 || !slices.Equal(u.AdditionalGids, []uint32{1000}) {
		t.Errorf("%+v", u)
	}
	in.Options.User = "root"
	if s, _ := mustBuild(t, in); s.Process.User.UID != 0 {
		t.Errorf("--user loses to keep-id: %+v", s.Process.User)
	}
	in.Options.User, in.Image.User = "", "daemon"
	if s, _ := mustBuild(t, in); s.Process.User.UID != 1 {
		t.Errorf("the image's user loses to keep-id: %+v", s.Process.User)
	}
}

func TestMapped(t *testing.T) {
	m := []specs.LinuxIDMapping{{ContainerID: 10, Size: 5}, {ContainerID: 100, Size: 1}, {ContainerID: 1 << 31, Size: 1 << 31}}
	for id, want := range map[uint32]bool{9: false, 10: true, 14: true, 15: false, 100: true, 101: false, 1<<32 - 1: true} {
		if mapped(m, id) != want {
			t.Errorf("%d", id)
		}
	}
	if got := ranges(m); got != "10-14, 100, 2147483648-4294967295" {
		t.Error(got)
	}
	if !mapped(nil, 7) {
		t.Error("no map maps nothing")
	}
}

func TestPasswd(t *testing.T) {
	const db = "# root:x:0:0\n\n+:::::::\n-bad\n+nis:x:0:0:::\nshort:x:1\n" +
		"neg:x:-1:0::/:\nhex:x:0x0:0::/:\nempty:x::0::/:\nplus:x:+0:0::/:\nhuge:x:4294967295:0::/:\n" +
		"  ok:x:5:6:g,e:/home/ok:/bin/sh:extra \nmin:x:7:8\nwin:x:9:9::/w:\r\n"
	var got []string
	for a := range accounts([]byte(db)) {
		got = append(got, fmt.Sprintf("%s %d %d %s", a.name, a.uid, a.gid, a.home))
	}
	equal(t, "accounts", got, []string{"ok 5 6 /home/ok", "min 7 8 ", "win 9 9 /w"})
	got = nil
	for g := range groups([]byte("a:x:1:u,v\nb::2:\nc:x:3\nd:x:-4:u\ne:x:\n#f:x:5:u\ng:x:6:u:w\n")) {
		got = append(got, fmt.Sprintf("%s %d %v %v", g.name, g.gid, g.has("u"), g.has("v")))
	}
	equal(t, "groups", got, []string{"a 1 true true", "b 2 false false", "c 3 false false", "g 6 true false"})
	for range accounts([]byte("a:x:1:1\nb:x:2:2\n")) {
		break // stopping early must not be called again
	}
}

func FuzzPasswd(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/sh\n", "root:x:0:root,ana\n", "root:root")
	f.Add("::::::", ":::", ":")
	f.Fuzz(func(t *testing.T, passwd, group, user string) {
		in := ask(func(o *Options) { o.User = user })
		in.View = fakeView{"etc/passwd": passwd, "etc/group": group}
		s, _, err := Build(in)
		if err != nil {
			return
		}
		u := s.Process.User
		if !mapped(in.Maps.UIDs, u.UID) || !mapped(in.Maps.GIDs, u.GID) {
			t.Errorf("%q gives an unmapped user %+v", user, u)
		}
		// A number is that number, whatever the files say.
		name, _, _ := strings.Cut(user, ":")
		if id, err := parseID(name); err == nil && id != u.UID {
			t.Errorf("%q became %d", user, u.UID)
		}
		for _, kv := range s.Process.Env {
			if h, ok := strings.CutPrefix(kv, "HOME="); ok && h[0] != '/' {
				t.Errorf("home %q", h)
			}
		}
	})
}

func FuzzParseUser(f *testing.F) {
	for _, s := range []string{"", "0", "1:2", "a:b", "+1", "1:", "-1", "4294967295", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseUser("--user", s)
		if err != nil || s == "" {
			return
		}
		name := u.user
		if name == "" {
			name = fmt.Sprint(u.uid)
		}
		if u.hasGroup {
			name += ":" + u.group
			if u.group == "" {
				name += fmt.Sprint(u.gid)
			}
		}
		// Numbers may have lost leading zeros and nothing else.
		again, err := parseUser("--user", name)
		if err != nil || again != u {
			t.Errorf("%q reads as %+v, and %q as %+v %v", s, u, name, again, err)
		}
	})
}
