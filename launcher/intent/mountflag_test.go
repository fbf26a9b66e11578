package intent

import (
	"slices"
	"strings"
	"testing"
)

func TestMountFlag(t *testing.T) {
	for _, c := range []struct{ flag, want string }{
		{"type=bind,src=/src,dst=/d", "bind /src /d rbind,rprivate"},
		{"type=bind,source=/src,target=/d,consistency=cached", "bind /src /d rbind,rprivate"},
		{"src=/src,type=bind,destination=/d,readonly", "bind /src /d rbind,rprivate,rro"},
		{"type=bind,src=/src,dest=/d,ro=true", "bind /src /d rbind,rprivate,rro"},
		{"type=bind,src=/src,dst=/d,ro=false", "bind /src /d rbind,rprivate"},
		{"type=bind,src=/src,dst=/d,rw=false", "bind /src /d rbind,rprivate,rro"},
		{"type=bind,src=/src,dst=/d,readonly=1", "bind /src /d rbind,rprivate,rro"},
		{"type=bind,src=/src,dst=/d,readonly,bind-recursive=writable", "bind /src /d rbind,rprivate,ro"},
		{"type=bind,src=/src,dst=/d,readonly,bind-recursive=readonly", "bind /src /d rbind,rprivate,rro"},
		{"type=bind,src=/src,dst=/d,readonly,bind-recursive=disabled", "bind /src /d bind,rprivate,ro"},
		{"type=bind,src=/src,dst=/d,bind-recursive=enabled", "bind /src /d rbind,rprivate"},
		{"type=bind,src=/src,dst=/d,bind-nonrecursive", "bind /src /d bind,rprivate"},
		{"type=bind,src=/src,dst=/d,bind-propagation=rshared", "bind /src /d rbind,rshared"},
		{"type=bind,src=/src,dst=/d,rslave,noexec", "bind /src /d rbind,rslave,noexec"},
		{"type=bind,src=/src,dst=/d,relabel=shared", "bind /src /d rbind,rprivate"},
		{"type=bind,src=x,dst=/d", "bind /home/me/x /d rbind,rprivate"},
		{"type=bind,\"src=/src\",dst=/d", "bind /src /d rbind,rprivate"},
		{"type=tmpfs,dst=/t", "tmpfs tmpfs /t rprivate,nodev,noexec,nosuid"},
		{"type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770", "tmpfs tmpfs /t rprivate,nodev,noexec,nosuid,size=67108864,mode=1770"},
		{"type=tmpfs,dst=/t,exec,ro,notmpcopyup", "tmpfs tmpfs /t rprivate,nodev,nosuid,ro"},
		{"type=tmpfs,source=tmpfs,dst=/t,size=1g", "tmpfs tmpfs /t rprivate,nodev,noexec,nosuid,size=1073741824"},
		{"type=devpts,destination=/dev/pts", "devpts devpts /dev/pts rprivate,nosuid,noexec,newinstance"},
		{"type=devpts,dst=/p,uid=0,gid=5,mode=620,ptmxmode=0666,max=10,newinstance",
			"devpts devpts /p rprivate,nosuid,noexec,newinstance,uid=0,gid=5,mode=620,ptmxmode=0666,max=10"},
	} {
		s, _ := mustBuild(t, ask(func(o *Options) { o.Mount = []string{c.flag} }))
		if got := mountLine(mountAt(s, strings.Fields(c.want)[2])); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.flag, got, c.want)
		}
	}
}

func TestMountFlagErrors(t *testing.T) {
	for _, c := range []struct {
		flag, text string
		kind       error
	}{
		{"", "KEY=VALUE", ErrInvalid},
		{"\"", "KEY=VALUE", ErrInvalid},
		{"type=bind,src=/src", "no destination", ErrInvalid},
		{"type=bind,dst=/d", "no source", ErrInvalid},
		{"type=bind,src=,dst=/d", "src has no value", ErrInvalid},
		{"type=bind,src,dst=/d", "src has no value", ErrInvalid},
		{"type=bind,src=/src,dst=d", "absolute", ErrInvalid},
		{"type=bind,src=/src,dst=/", "root itself", ErrInvalid},
		{"type=bind,src=/src,dst=/d,colour=red", "key \"colour\"", ErrInvalid},
		{"type=bind,src=/src,dst=/d,fast", "\"fast\" is not known", ErrInvalid},
		{"type=bind,src=/src,src=/b,dst=/d", "source is given twice", ErrConflict},
		{"type=bind,src=/src,dst=/d,target=/e", "destination is given twice", ErrConflict},
		{"type=bind,type=tmpfs,dst=/d", "type is given twice", ErrConflict},
		{"type=bind,src=/src,dst=/d,ro,readonly", "only one of", ErrConflict},
		{"type=bind,src=/src,dst=/d,ro=maybe", "true or false", ErrInvalid},
		{"type=bind,src=/src,dst=/d,bind-propagation=ro", "bind-propagation is one of", ErrInvalid},
		{"type=bind,src=/src,dst=/d,bind-recursive=no", "bind-recursive is one of", ErrInvalid},
		{"type=bind,src=/src,dst=/d,bind-recursive=readonly", "want readonly", ErrInvalid},
		{"type=bind,src=/src,dst=/d,relabel=all", "relabel", ErrInvalid},
		{"type=bind,src=/dev,dst=/d,U", "U would change the owner of everything in /dev", ErrUnsupported},
		{"type=bind,src=/src,dst=/d,chown=false", "", nil},
		{"type=bind,src=/src,dst=/d,O", "no meaning", ErrInvalid},
		{"type=bind,src=/src,dst=/d,tmpfs-size=1m", "no meaning", ErrInvalid},
		{"type=bind,src=/src,dst=/d,bind-create-src", "bind-create-src", ErrNotYet},
		{"type=bind,src=/src,dst=/d,idmap", "only real root", ErrUnsupported},
		{"type=bind,src=/src,dst=/d,idmap=false", "", nil},
		{"type=bind,src=/src,dst=/d,subpath=x", "for volumes and images", ErrInvalid},
		{"type=bind,src=/src,dst=/d,volume-label=a=b", "type=volume", ErrInvalid},
		{"type=bind,src=/nope,dst=/d", "cannot bind /nope", ErrNotFound},
		{"type=tmpfs,dst=/t,src=/src", "no source", ErrInvalid},
		{"type=tmpfs,dst=/t,tmpfs-size=big", "size", ErrInvalid},
		{"type=tmpfs,dst=/t,tmpfs-mode=999", "bad value", ErrInvalid},
		{"type=tmpfs,dst=/t,mode", "mode has no value", ErrInvalid},
		{"type=tmpfs,dst=/t,bind-nonrecursive", "no meaning", ErrInvalid},
		{"type=devpts,dst=/p,gid=x", "gid wants", ErrInvalid},
		{"type=devpts,dst=/p,gid=70000", "group 70000 does not exist", ErrUnsupported},
		{"type=devpts,dst=/p,ro", "no meaning", ErrInvalid},
		{"type=devpts,dst=/p,mode=9", "octal", ErrInvalid},
		{"type=devpts,dst=/p,max=x", "max", ErrInvalid},
		{"type=devpts,dst=/p,size=1m", "no meaning", ErrInvalid},
		{"type=volume,src=/v,dst=/d", "its name, not a path", ErrInvalid},
		{"type=volume,src=a/b,dst=/d", "its name, not a path", ErrInvalid},
		{"type=volume,src=v,dst=/d,size=1m", "no meaning for a volume", ErrInvalid},
		{"type=volume,src=v,dst=/d,volume-opt=x", "is not known", ErrInvalid},
		{"type=volume,src=v,dst=/d,volume-opt=type=nfs", "mounted by root only", ErrInvalid},
		{"type=volume,src=v,dst=/d,volume-opt=type=tmpfs,volume-opt=type=tmpfs", "given twice", ErrConflict},
		{"type=volume,src=v,dst=/d,volume-label==x", "KEY=VALUE", ErrInvalid},
		{"type=volume,src=v,dst=/d,volume-driver=x", "not known", ErrUnsupported},
		{"type=volume,src=v,dst=/d,nocreate=perhaps", "true or false", ErrInvalid},
		{"type=volume,src=v,dst=/d,subpath=../x", "..", ErrInvalid},
		{"type=volume,src=v,dst=/d,subpath=/", "the whole", ErrInvalid},
		{"type=volume,src=v,dst=/d,subpath=a,volume-subpath=b", "given twice", ErrConflict},
		{"type=volume,src=v,dst=/d,subpath=a,U", "whole volumes", ErrConflict},
		{"type=volume,src=v,dst=/etc/motd", "in the image is a file", ErrInvalid},
		{"type=image,dst=/d", "the name of an image", ErrInvalid},
		{"type=image,src=debian,dst=/d,U", "no meaning", ErrInvalid},
		{"type=image,src=debian,dst=/d,nocreate", "type=volume", ErrInvalid},
		{"type=glob,src=/x/*,dst=/d", "type=glob", ErrNotYet},
		{"type=ramfs,dst=/d", "type=tmpfs", ErrUnsupported},
		{"type=cluster,dst=/d", "known types", ErrInvalid},
		{"type=bind,src=/src,dst=/d\n", "", ErrInvalid},
	} {
		_, _, err := Build(ask(func(o *Options) { o.Mount = []string{c.flag} }))
		if c.kind == nil {
			if err != nil {
				t.Errorf("%s: %v", c.flag, err)
			}
			continue
		}
		wantErr(t, err, c.kind, c.text)
	}
}

func TestTmpfs(t *testing.T) {
	for _, c := range []struct{ flag, want string }{
		{"/x", "tmpfs tmpfs /x rprivate,nodev,noexec,nosuid"},
		{"/tmp", "tmpfs tmpfs /tmp rprivate,nodev,noexec,nosuid,mode=1777"},
		{"/run", "tmpfs tmpfs /run rprivate,nodev,noexec,nosuid,mode=755"},
		{"/tmp:rw,size=787448k,mode=1777", "tmpfs tmpfs /tmp rprivate,nodev,noexec,nosuid,size=806346752,mode=1777"},
		{"/x:exec,suid", "tmpfs tmpfs /x rprivate,nodev"},
		{"/x:ro,noexec,size=50%,nr_inodes=10k,uid=1000,gid=1000", "tmpfs tmpfs /x rprivate,nodev,noexec,nosuid,ro,size=50%,nr_inodes=10240,uid=1000,gid=1000"},
		{"/dev/shm:size=1g", "tmpfs tmpfs /dev/shm rprivate,nodev,noexec,nosuid,size=1073741824"},
	} {
		s, _ := mustBuild(t, ask(func(o *Options) { o.Tmpfs = []string{c.flag} }))
		if got := mountLine(mountAt(s, strings.Fields(c.want)[2])); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.flag, got, c.want)
		}
	}
	for _, c := range []struct {
		flag, text string
		kind       error
	}{
		{"", "absolute", ErrInvalid},
		{"x", "absolute", ErrInvalid},
		{"/", "root itself", ErrInvalid},
		{"/x:", "\"\"", ErrInvalid},
		{"/x:size=", "size=", ErrInvalid},
		{"/x:size=1q", "size=1q", ErrInvalid},
		{"/x:size=-1", "size", ErrInvalid},
		{"/x:mode=88", "mode", ErrInvalid},
		{"/x:huge=always", "huge", ErrInvalid},
		{"/x:ro,rw", "only one", ErrConflict},
		{"/x:uid=70000", "user 70000", ErrUnsupported},
		{"/x:tmpcopyup", "tmpcopyup", ErrNotYet},
		{"/x:noswap", "noswap", ErrUnsupported},
		{"/x:dev", "--device", ErrUnsupported},
		{"/x:bind", "no meaning", ErrInvalid},
		{"/x:z", "no meaning", ErrInvalid},
		{"/x:U", "uid=", ErrNotYet},
	} {
		_, _, err := Build(ask(func(o *Options) { o.Tmpfs = []string{c.flag} }))
		wantErr(t, err, c.kind, c.text)
	}
}

func TestSize(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "1": 1, "1b": 1, "64m": 64 << 20, "64M": 64 << 20, "64mb": 64 << 20, "64MiB": 64 << 20, "1.5g": 3 << 29,
		"2 k": 2048, " 3t ": 3 << 40, "1p": 1 << 50} {
		if got, ok := parseSize(s); got != want || !ok {
			t.Errorf("%q: %d %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "m", "-1", "1e", "1mm", "1.2.3", "0x10", "9999999999g", "9223372036854775807k", "1ib", "+1", "1_0"} {
		if got, ok := parseSize(s); ok {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestWordGroupsAreComplete(t *testing.T) {
	if len(mountWords) != int(wGroups) {
		t.Fatalf("%d groups, %d lists", wGroups, len(mountWords))
	}
	var all []string
	for i, g := range mountWords {
		if int(g.group) != i || g.words[0] != ' ' || g.words[len(g.words)-1] != ' ' {
			t.Errorf("group %d is %+v", i, g)
		}
		all = append(all, strings.Fields(g.words)...)
	}
	slices.Sort(all)
	if n := len(all); n != len(slices.Compact(all)) {
		t.Error("a word is in two groups")
	}
}

func FuzzMount(f *testing.F) {
	for _, s := range []string{"type=bind,src=/src,dst=/d", "type=tmpfs,dst=/t,tmpfs-size=1k", "type=devpts,dst=/p,gid=5", "\"a\"\"b\",c", "dst=/d,dst=/d"} {
		f.Add(s)
	}
	in := ask(nil)
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseMount(s)
		if err != nil {
			return
		}
		checkFuzzedDest(t, s, m.dst)
		in.Options.Mount = []string{s}
		spec, _, err := Build(in)
		if err != nil {
			return
		}
		for _, m := range spec.Mounts {
			for _, o := range m.Options {
				if o == "" || strings.ContainsAny(o, "\x00") {
					t.Errorf("%q gives the option %q", s, o)
				}
			}
		}
	})
}
