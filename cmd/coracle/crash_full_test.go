package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk moves the world's home to a tmpfs of so many bytes, in a mount
// namespace that ends with the test.
func (w *crashWorld) smallDisk(size int) {
	w.t.Helper()
	keeper := exec.Command("/bin/sh", "-c", fmt.Sprintf("mount -t tmpfs -o size=%d,mode=700,uid=%d,gid=%d small '%s' && echo up && exec sleep 1000000",
		size, w.user.uid, w.user.gid, w.home))
	keeper.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	keeper.Stderr = os.Stderr
	out, err := keeper.StdoutPipe()
	check(w.t, err)
	keeper.Args[2] = "mount --make-rprivate / && " + keeper.Args[2] // a shared root would carry the mount out
	check(w.t, keeper.Start())
	w.t.Cleanup(func() {
		_ = keeper.Process.Kill()
		_ = keeper.Wait()
	})
	if _, err := out.Read(make([]byte, 3)); err != nil {
		w.t.Fatal("the small disk was not mounted")
	}
	w.inside = keeper.Process.Pid
	for _, dir := range []string{"tmp", "data"} {
		path := w.path(dir)
		check(w.t, os.Mkdir(path, 0o700))
		check(w.t, os.Chown(path, w.user.uid, w.user.gid))
	}
}

// fill leaves no byte on the disk, and free makes room again.
func (w *crashWorld) fill() {
	w.t.Helper()
	for _, block := range []string{"1M", "4k", "1"} {
		out, _ := w.try([]string{"/bin/sh", "-c", "dd if=/dev/zero bs=" + block + " 2>&1 >>fill"})
		if !strings.Contains(out, "No space left") {
			w.t.Fatalf("the disk is not full: %s", out)
		}
	}
}

func (w *crashWorld) free() { check(w.t, os.Remove(w.path("fill"))) }

// room is how many bytes are free.
func (w *crashWorld) room() int64 {
	w.t.Helper()
	var fs unix.Statfs_t
	check(w.t, unix.Statfs(w.path(""), &fs))
	return int64(fs.Bavail) * fs.Bsize
}

// path is a path below the home, as this process sees it.
func (w *crashWorld) path(name string) string {
	if w.inside == 0 {
		return filepath.Join(w.home, name)
	}
	return filepath.Join(fmt.Sprintf("/proc/%d/root", w.inside), w.home, name)
}

const smallSize = 64 << 20

// On a disk without a free byte, what removes things succeeds and frees space;
// with and without the reserve, which podman does not leave.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: mounts a small disk")
	}
	theSuite.install(t)
	for _, verb := range []string{"rm box", "rm -f box", "volume rm vol", "rmi IMAGE", "image prune -a -f", "system prune -a -f --volumes"} {
		for _, reserve := range []bool{true, false} {
			t.Run(strings.ReplaceAll(verb, " ", "_")+map[bool]string{true: "", false: "_without_reserve"}[reserve], func(t *testing.T) {
				t.Parallel()
				w := newCrashWorld(t)
				w.smallDisk(smallSize)
				w.bigImage()
				id := strings.TrimSpace(w.coracle(w.line("pull -q oci:big")))
				if verb != "rmi IMAGE" && !strings.HasPrefix(verb, "image prune") {
					w.coracle(w.line("run --name box -v vol:/data -v @busybox:/busybox:ro oci:big /busybox cp /big /data/copy"))
					w.coracle(w.line("run --name other -v @busybox:/busybox:ro oci:big /busybox cp /big /copy"))
				}
				if verb == "volume rm vol" {
					w.coracle(w.line("rm box"))
				}
				if !reserve {
					check(t, os.Remove(w.path("data/coracle/reserve")))
				}
				w.fill()
				before := w.room()
				w.coracle(w.line(strings.ReplaceAll(verb, "IMAGE", id)))
				if after := w.room(); after <= before {
					t.Errorf("%d bytes were free, now %d", before, after)
				}
				w.free()
				w.coracle(w.line("system check"))
			})
		}
	}
}

// On a full disk, what needs space fails, says why, and leaves nothing.
func TestFullDiskWithoutGarbage(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: mounts a small disk")
	}
	theSuite.install(t)
	for _, verb := range []string{"pull -q oci:big", "load -q -i big.tar", "run --rm oci:big true", "commit box made:1"} {
		t.Run(strings.Fields(verb)[0], func(t *testing.T) {
			t.Parallel()
			w := newCrashWorld(t)
			w.smallDisk(smallSize)
			w.bigImage()
			w.archive("big", "big.tar")
			if strings.HasPrefix(verb, "commit") {
				w.coracle(w.line("run --name box -v @busybox:/busybox:ro oci:big /busybox cp /big /copy"))
			} else {
				w.coracle(w.line("system check"))
			}
			w.s.wait() // for what a supervisor writes at the end
			want := w.listing()
			w.fill()
			out, status := w.try(append([]string{filepath.Join(theSuite.real(), "coracle")}, w.line(verb)...))
			if status != 125 || !strings.Contains(out, "no space left on device") || !strings.Contains(out, "fix:") {
				t.Errorf("status %d\n%s", status, out)
			}
			w.free()
			w.coracle(w.line("system check"))
			if d := difference(want, w.listing()); d != "" {
				t.Errorf("left on disk:\n%s", d)
			}
		})
	}
}

// bigImage puts oci:big into the home, 6 MB.
func (w *crashWorld) bigImage() {
	w.t.Helper()
	data, err := os.ReadFile(w.program("busybox"))
	check(w.t, err)
	check(w.t, os.WriteFile(filepath.Join(w.s.work, "busybox"), data, 0o755))
	w.image("big", "dir data\ndir busybox.d\nzeros big 6000000", "file top = one")
}
