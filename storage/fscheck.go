package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNetworkFS says that a directory lies on a network file system.
var ErrNetworkFS = errors.New("network file system")

// AllowNetworkFS is the environment variable that, set to 1, allows one.
const AllowNetworkFS = "CORACLE_ALLOW_NETWORK_FS"

// networkFS are file systems whose server decides what a user may do, and knows
// nothing of the user namespace in which mapped root makes files for others:
// chown fails, or overlay does, in the middle of unpacking an image. The numbers
// are those of statfs(2) and linux/magic.h.
var networkFS = map[int64]string{
	0x6969:     "nfs",
	0x517b:     "smb",
	0xff534d42: "cifs",
	0xfe534d42: "smb2",
	0x01021997: "9p",
	0x0bd00bd0: "lustre",
	0x47504653: "gpfs",
	0x5346414f: "afs",
	0x6b414653: "afs",
	0x00c36400: "ceph",
	0x73757245: "coda",
	0x564c:     "ncp",
	0x19830326: "beegfs",
	0x20030528: "orangefs",
	0xaad7aaea: "panfs",
	0x786f4256: "vboxsf",
	0xbacbacbc: "vmhgfs",
}

// NetworkName names a network file system by its number in statfs(2); empty for
// others, and for FUSE, whose number says nothing.
func NetworkName(magic int64) string { return networkFS[magic&0xffffffff] }

// networkFuse are servers of FUSE whose files are on another machine, by the type
// in mountinfo after "fuse.".
var networkFuse = []string{"sshfs", "glusterfs", "ceph", "ceph-fuse", "s3fs", "gcsfuse", "rclone", "davfs", "davfs2",
	"curlftpfs", "juicefs", "moosefs", "mfs", "beegfs", "lustre", "gvfsd-fuse", "goofys", "smbnetfs", "cvmfs2"}

// FS answers questions about file systems. The zero value asks the kernel.
type FS struct {
	Statfs    func(path string) (magic int64, err error)
	Mountinfo func() ([]byte, error) // /proc/self/mountinfo
	Getenv    func(string) string
}

// CheckFS fails when dir, or the place where it is going to be made, lies on a
// network file system: before anything is downloaded into it. What is called
// what the directory is for, setting how to put it elsewhere: lines in which
// DIR stands for the place proposed. Errors: [ErrNetworkFS].
func CheckFS(dir, what string, setting []string) error { return FS{}.Check(dir, what, setting) }

// Check is [CheckFS].
func (f FS) Check(dir, what string, setting []string) error {
	name := f.network(dir)
	if name == "" {
		return nil
	}
	if f.getenv(AllowNetworkFS) == "1" {
		return nil
	}
	local := f.local()
	fix := "\n  fix: put it on a local disk, e.g. " + local
	for _, line := range setting {
		fix += "\n       " + strings.ReplaceAll(line, "DIR", local)
	}
	return fmt.Errorf("the %s %s is on a %w (%s), where files of other owners and overlay do not work%s\n  or:  %s=1, if images are of one owner and it is known to work",
		what, dir, ErrNetworkFS, name, fix, AllowNetworkFS)
}

// Network names the network file system that dir lies on, or will lie on; empty
// when it is a local one, or nobody knows.
func (f FS) network(dir string) string {
	statfs := f.Statfs
	if statfs == nil {
		statfs = func(path string) (int64, error) {
			var st unix.Statfs_t
			err := unix.Statfs(path, &st)
			return int64(st.Type), err //nolint:unconvert // int32 on some architectures
		}
	}
	const fuse = 0x65735546
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		magic, err := statfs(at)
		if err != nil {
			if at == "/" || at == "." || !errors.Is(err, os.ErrNotExist) {
				return ""
			}
			continue
		}
		if magic&0xffffffff == fuse {
			return f.fuse(at)
		}
		return NetworkName(magic)
	}
}

func (f FS) fuse(dir string) string {
	read := f.Mountinfo
	if read == nil {
		read = func() ([]byte, error) { return os.ReadFile("/proc/self/mountinfo") }
	}
	text, err := read()
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	kind := strings.TrimPrefix(mountType(string(text), dir), "fuse.")
	for _, name := range networkFuse {
		if kind == name {
			return kind
		}
	}
	return ""
}

// mountType is the type of the file system mounted at dir or nearest above it,
// in the format of proc_pid_mountinfo(5).
func mountType(mountinfo, dir string) (kind string) {
	best := -1
	for line := range strings.Lines(mountinfo) {
		left, right, ok := strings.Cut(line, " - ")
		fields, tail := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(tail) < 1 {
			continue
		}
		at := unescapeMount(fields[4])
		if len(at) >= best && (at == dir || at == "/" || strings.HasPrefix(dir, at+"/")) {
			best, kind = len(at), tail[0]
		}
	}
	return kind
}

// unescapeMount undoes the four escapes of mountinfo.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// local proposes a place on a local disk.
func (f FS) local() string {
	user := f.getenv("USER")
	if user == "" || strings.ContainsAny(user, "/\x00") {
		user = fmt.Sprint(os.Getuid())
	}
	for _, base := range []string{"/var/tmp", "/tmp"} {
		if f.network(base) == "" {
			return filepath.Join(base, user+"-containers")
		}
	}
	return "/path/on/a/local/disk"
}

func (f FS) getenv(name string) string {
	if f.Getenv != nil {
		return f.Getenv(name)
	}
	return os.Getenv(name)
}
