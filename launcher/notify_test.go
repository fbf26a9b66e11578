package launcher

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
)

// manager is a service manager's socket; what it reads comes in the channel, and
// the descriptors that came along are closed.
func manager(t *testing.T) (path string, told chan string) {
	t.Helper()
	path, told = filepath.Join(t.TempDir(), "notify"), make(chan string, 2)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer unix.Close(fd)
		for range 2 {
			buf, oob := make([]byte, 256), make([]byte, 64)
			n, oobn, _, _, err := unix.Recvmsg(fd, buf, oob, unix.MSG_CMSG_CLOEXEC)
			if err != nil {
				return
			}
			told <- string(buf[:n])
			if list, err := unix.ParseSocketControlMessage(oob[:oobn]); err == nil && len(list) > 0 {
				fds, _ := unix.ParseUnixRights(&list[0])
				closeAll(fds)
			}
		}
	}()
	return path, told
}

func TestTellManager(t *testing.T) {
	for mode, want := range map[string]string{"conmon": "MAINPID=77\nREADY=1", "container": "MAINPID=77"} {
		path, told := manager(t)
		t.Setenv("NOTIFY_SOCKET", path)
		l := &launch{options: &intent.Options{NotifyFlags: intent.NotifyFlags{SDNotify: mode}}}
		if err := l.tellManager(77); err != nil {
			t.Fatal(err)
		}
		if got := <-told; got != want {
			t.Errorf("%s: %q", mode, got)
		}
		if got := <-told; got != "BARRIER=1" {
			t.Errorf("%s: then %q", mode, got)
		}
	}
}

func TestTellNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/nowhere/notify")
	for _, mode := range []string{"", "ignore"} {
		l := &launch{options: &intent.Options{NotifyFlags: intent.NotifyFlags{SDNotify: mode}}}
		if err := l.tellManager(1); err != nil {
			t.Errorf("%q: %v", mode, err)
		}
	}
	l := &launch{options: &intent.Options{NotifyFlags: intent.NotifyFlags{SDNotify: "conmon"}}}
	if err := l.tellManager(1); err == nil {
		t.Error("a socket that is not there is no error")
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := l.tellManager(1); err != nil {
		t.Error(err)
	}
}
