package launcher

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/storage/record"
	"coracle/userns"
	"coracle/userns/tape"
)

func imageLaunch(t *testing.T) *launch {
	return &launch{
		options: &intent.Options{}, image: &record.Record{Layers: []record.Layer{{Diff: "/store/overlay/x/diff"}}},
		paths: storage.Paths{Data: t.TempDir()}, way: storage.RootOverlay,
	}
}

func TestChooseWay(t *testing.T) {
	fuse := filepath.Join(t.TempDir(), "fuse-overlayfs")
	if err := os.WriteFile(fuse, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		about, env, fact string
		want             storage.RootWay
		asked            bool
	}{
		{"usual", "", "", storage.RootOverlay, false},
		{"found out", "", "copy", storage.RootCopy, false},
		{"found out, with a program", "", "fuse", storage.RootFuse, false},
		{"asked", "copy", "fuse", storage.RootCopy, true},
		{"asked though it failed", "overlay", "copy", storage.RootOverlay, true},
		{"damaged", "", "paper", storage.RootOverlay, false},
	} {
		l := imageLaunch(t)
		t.Setenv(rootEnv, test.env)
		t.Setenv("PATH", filepath.Dir(fuse))
		if err := storage.WriteHostFact(l.paths.Data, storage.FactRoot, storage.HostKey(l.paths.Data), test.fact); err != nil {
			t.Fatal(err)
		}
		if err := l.chooseWay(); err != nil || l.way != test.want || l.wayAsked != test.asked || (l.fuse != "") != (test.want == storage.RootFuse) {
			t.Errorf("%s: %q, asked %v, fuse %q, %v", test.about, l.way, l.wayAsked, l.fuse, err)
		}
		l.image = nil // a directory is a directory
		if err := l.chooseWay(); err != nil || l.way != storage.RootOverlay {
			t.Errorf("%s: --rootfs: %q, %v", test.about, l.way, err)
		}
	}
	t.Setenv(rootEnv, "paper")
	if err := imageLaunch(t).chooseWay(); err == nil || !strings.Contains(err.Error(), rootEnv) {
		t.Errorf("%v", err)
	}
}

// Only a stack that failed, and was not asked for, makes another way be looked
// for: everything else would be asked in vain.
func TestNoFallBack(t *testing.T) {
	stack := failure(append([]byte{exitStack}, "cannot mount"...))
	if !errors.Is(stack, errStack) || stack.Error() != "cannot mount" {
		t.Fatalf("%v", stack)
	}
	for name, change := range map[string]func(*launch) error{
		"no error":    func(*launch) error { return nil },
		"other error": func(*launch) error { return failure(append([]byte{ExitFailed}, "x"...)) },
		"asked":       func(l *launch) error { l.wayAsked = true; return stack },
		"second time": func(l *launch) error { l.way = storage.RootFuse; return stack },
	} {
		l := imageLaunch(t)
		cause := change(l)
		var said bytes.Buffer
		if again, err := l.fallBack(context.Background(), &said, cause); again || err != nil || said.Len() > 0 {
			t.Errorf("%s: %v, %v, %q", name, again, err, &said)
		}
	}
}

func TestStackFailed(t *testing.T) {
	for why, want := range map[string]bool{plan.StackWhy: true, plan.StackWhy + " with fuse-overlayfs": true, "at /proc": false, "": false} {
		err := explain(&tape.OpError{Op: tape.Op{Call: tape.Mount, Why: why}, Errno: unix.EINVAL})
		if stackFailed(err) != want {
			t.Errorf("%q: %v", why, !want)
		}
	}
	if stackFailed(errors.New("x")) || stackFailed(nil) {
		t.Error("any error is one")
	}
}

func TestWayText(t *testing.T) {
	for _, way := range []storage.RootWay{storage.RootFuse, storage.RootCopy} {
		text := wayText(way, "/home/ana/data")
		if !strings.Contains(text, "/home/ana/data") || !strings.Contains(text, "\n  fix: ") || strings.Count(text, "\n") > 2 {
			t.Errorf("%s: %q", way, text)
		}
	}
}

func TestShiftRequest(t *testing.T) {
	l := imageLaunch(t)
	l.maps = userns.Maps{UIDs: userns.IDMap{{Inside: 0, Outside: 1, Size: 10}}, GIDs: userns.IDMap{{Inside: 0, Outside: 2, Size: 10}}}
	s := l.shiftRequest(taskShift).shifter(false)
	if uid, ok := s.UID(3); uid != 4 || !ok || !l.moved() {
		t.Errorf("uid %d, %v, moved %v", uid, ok, l.moved())
	}
	if r := l.shiftRequest(taskShift); r.CopyOnly || len(r.Layers) != 1 {
		t.Errorf("%+v", r)
	}
	t.Setenv(shiftEnv, "copy")
	if !l.shiftRequest(taskShift).CopyOnly {
		t.Error("copies were asked for")
	}
	l.maps = userns.Maps{Host: true}
	s = l.shiftRequest(taskCopy).shifter(false)
	if uid, ok := s.UID(70000); uid != 70000 || !ok || l.moved() {
		t.Errorf("as on disk: uid %d, %v", uid, ok)
	}
}

func TestSayer(t *testing.T) {
	var out bytes.Buffer
	s := &sayer{w: &out, what: "working", terminal: true, start: time.Now()}
	s.progress(storage.ShiftProgress{Tree: 1, Trees: 2})
	s.end()
	if out.Len() > 0 {
		t.Errorf("too early: %q", &out)
	}
	s.start = s.start.Add(-time.Hour)
	s.progress(storage.ShiftProgress{Tree: 1, Trees: 2, Files: 3, Bytes: 4 << 20})
	s.progress(storage.ShiftProgress{Tree: 1, Trees: 2, Files: 4, Bytes: 5 << 20})
	s.end()
	if got := out.String(); got != "coracle: working\n\r\x1b[Kcoracle: 1 of 2: 3 files, 4 MB\r\x1b[K" {
		t.Errorf("%q", got)
	}
	out.Reset()
	s = &sayer{w: &out, what: "working"}
	s.progress(storage.ShiftProgress{})
	s.progress(storage.ShiftProgress{})
	s.end()
	if got := out.String(); got != "coracle: working\n" {
		t.Errorf("without a terminal: %q", got)
	}
}
