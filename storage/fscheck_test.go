package storage

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// fakeFS is a host whose directories lie on the file systems given.
func fakeFS(kinds map[string]int64, mountinfo string, env ...string) FS {
	return FS{
		Statfs: func(path string) (int64, error) {
			magic, ok := kinds[path]
			if !ok {
				return 0, fs.ErrNotExist
			}
			return magic, nil
		},
		Mountinfo: func() ([]byte, error) { return []byte(mountinfo), nil },
		Getenv: func(name string) string {
			for i := 0; i < len(env); i += 2 {
				if env[i] == name {
					return env[i+1]
				}
			}
			return ""
		},
	}
}

func TestCheckFS(t *testing.T) {
	const ext4, nfs, fuse, lustre, cifs = 0xef53, 0x6969, 0x65735546, 0x0bd00bd0, -0x00acb2be
	const mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" +
		"40 22 0:50 / /home/my\\040ana rw - fuse.sshfs ana@host: rw\n" +
		"41 22 0:51 / /home/other rw,nosuid master:1 - fuse.bindfs x rw\n" +
		"damaged\n42 22 0:52 / /homework rw - nfs a:/ rw\n"
	for _, test := range []struct {
		about, dir string
		kinds      map[string]int64
		env        []string
		want       string // in the error; empty: none
	}{
		{"local", "/home/ana", map[string]int64{"/": ext4, "/home/ana": ext4}, nil, ""},
		{"to be made", "/home/ana/a/b", map[string]int64{"/": ext4, "/home/ana": ext4}, nil, ""},
		{"to be made on NFS", "/home/ana/.local/share", map[string]int64{"/": ext4, "/home/ana": nfs, "/var/tmp": ext4}, []string{"USER", "ana"}, "(nfs)"},
		{"the number is negative somewhere", "/s", map[string]int64{"/": ext4, "/s": cifs, "/var/tmp": ext4}, nil, "(cifs)"},
		{"all of it", "/s", map[string]int64{"/": lustre}, nil, "/path/on/a/local/disk"},
		{"sshfs", "/home/my ana", map[string]int64{"/": ext4, "/home/my ana": fuse, "/var/tmp": ext4}, nil, "(sshfs)"},
		{"local FUSE", "/home/other/x", map[string]int64{"/": ext4, "/home/other": fuse}, nil, ""},
		{"a longer name beside", "/homework2", map[string]int64{"/": ext4, "/homework2": fuse}, nil, ""},
		{"allowed", "/s", map[string]int64{"/": ext4, "/s": nfs}, []string{AllowNetworkFS, "1"}, ""},
		{"not allowed", "/s", map[string]int64{"/": ext4, "/s": nfs, "/var/tmp": ext4}, []string{AllowNetworkFS, "0"}, "(nfs)"},
		{"nobody knows", "/s", nil, nil, ""},
		{"hostile user", "/s", map[string]int64{"/": ext4, "/s": nfs, "/var/tmp": ext4}, []string{"USER", "../x"}, "/var/tmp/"},
	} {
		err := fakeFS(test.kinds, mounts, test.env...).Check(test.dir, "image store", []string{`graphroot = "DIR/storage"`})
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.about, err)
			}
			continue
		}
		if !errors.Is(err, ErrNetworkFS) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.dir) ||
			!strings.Contains(err.Error(), "fix: ") || strings.Contains(err.Error(), "..") || strings.Contains(err.Error(), "DIR") {
			t.Errorf("%s: %v", test.about, err)
		}
	}
	err := fakeFS(map[string]int64{"/": nfs, "/var/tmp": nfs, "/tmp": ext4}, "", "USER", "ana").Check("/s", "image store", []string{`graphroot = "DIR/storage"`})
	if err == nil || !strings.Contains(err.Error(), "graphroot = \"/tmp/ana-containers/storage\"\n") || !strings.Contains(err.Error(), AllowNetworkFS+"=1") {
		t.Errorf("%v", err)
	}
	if err := CheckFS(t.TempDir(), "image store", nil); err != nil {
		t.Errorf("here: %v", err)
	}
}

func FuzzMountType(f *testing.F) {
	f.Add("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:50 / /home/a\\040b rw - fuse.sshfs a: rw\n", "/home/a b/c")
	f.Add("a - b", "/")
	f.Add("1 2 3 4 / -  - x", "")
	f.Fuzz(func(t *testing.T, text, dir string) {
		if kind := mountType(text, dir); strings.ContainsAny(kind, " \n") || !strings.Contains(text, kind) {
			t.Errorf("%q", kind)
		}
	})
}
