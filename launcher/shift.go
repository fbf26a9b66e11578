package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"

	"coracle/storage"
	"coracle/userns"
)

// ShiftName is the argv[0] under which the program makes, as mapped root, what
// a launch needs of the image's files: owners that lie elsewhere, or a copy.
const ShiftName = "coracle-shift"

// shiftEnv, set to "copy", has layers copied where references would do: for
// measurements, and for tests that hold the one against the other.
const shiftEnv = "CORACLE_SHIFT"

// The tasks of a [shiftRequest].
const (
	taskShift = "shift" // trees of the layers with other owners
	taskCopy  = "copy"  // a container's root file system, whole
	taskProbe = "probe" // how root file systems can be made on this host
)

// shiftRequest is its standard input, one JSON value.
type shiftRequest struct {
	Task       string
	Data       string
	Key        string   // [storage.HostKey]
	Layers     []string // uppermost first
	UIDs, GIDs userns.IDMap
	Same       bool // ids stay as they are on disk; the maps say nothing
	Quiet      bool
	// CopyOnly: the kernel's overlay does not work, no tree can refer to data.
	CopyOnly bool
	Dest     string // of a copy
	Keep     bool   // it outlives the container
	Fuse     string // the path of fuse-overlayfs, if it is there
}

func (r shiftRequest) shifter(redirect bool) *storage.Shifter {
	m := userns.Maps{UIDs: r.UIDs, GIDs: r.GIDs, Host: r.Same}
	return &storage.Shifter{Data: r.Data, UID: m.ShiftUID, GID: m.ShiftGID, Key: r.UIDs.String() + "/" + r.GIDs.String(), Redirect: redirect}
}

// shiftRequest describes this launch's image and ids.
func (l *launch) shiftRequest(task string) shiftRequest {
	maps := l.mapsSeen()
	return shiftRequest{
		Task: task, Data: l.paths.Data, Layers: l.layers(), UIDs: maps.UIDs, GIDs: maps.GIDs, Same: !l.moved(),
		Quiet: l.options.Quiet, CopyOnly: l.way != storage.RootOverlay || os.Getenv(shiftEnv) == "copy",
	}
}

// mapsSeen are the maps that say whose the files are: the container's, or those
// of the container whose user namespace it shares.
func (l *launch) mapsSeen() userns.Maps {
	if l.maps.Join != "" {
		return l.joinMaps
	}
	return l.maps
}

// moved says that image ids are not where they lie on disk.
func (l *launch) moved() bool {
	maps := l.mapsSeen()
	return l.image != nil && !maps.Host && !maps.Identity()
}

// present finds the trees of the kind that this host uses; known is the fact
// that tells.
func (r shiftRequest) present(known string) (*storage.Shifted, bool) {
	return r.shifter(known == "yes" && !r.CopyOnly).Present(r.Layers)
}

// shift finds the trees in which this container sees the image's owners as the
// image has them, and has them made when this is the first container with such a
// map.
func (l *launch) shift(ctx context.Context) error {
	if !l.moved() || l.way == storage.RootCopy {
		return nil
	}
	r := l.shiftRequest(taskShift)
	known, tried := storage.HostFact(r.Data, storage.FactRedirect, storage.HostKey)
	var ok bool
	if tried || r.CopyOnly {
		if l.shifted, ok = r.present(known); ok {
			return nil
		}
	}
	if l.options.Explain {
		for _, guess := range []string{"yes", "no"} {
			if l.shifted, ok = r.present(guess); ok {
				return nil
			}
		}
		return errors.New("the image was not prepared for these id maps yet, and --explain touches nothing\n  fix: run it once without --explain")
	}
	if err := l.ask(ctx, r); err != nil {
		return err
	}
	known, _ = storage.HostFact(r.Data, storage.FactRedirect, storage.HostKey)
	if l.shifted, ok = r.present(known); !ok {
		return errors.New("what was made of the image's layers disappeared\n  fix: run the command again")
	}
	return nil
}

// ask has the helper do a task.
func (l *launch) ask(ctx context.Context, r shiftRequest) error {
	r.Key = storage.HostKey(r.Data)
	request, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return l.helper(ctx, ShiftName, request)
}

// helper runs this program under another name as mapped root of the base
// namespace and gives it its request on standard input. Standard output and
// error are the caller's error; what it fails with comes back on descriptor 3.
func (l *launch) helper(ctx context.Context, name string, request []byte) error {
	_, err := l.inquire(ctx, name, request)
	return err
}

// inquire is helper for one that answers.
func (l *launch) inquire(ctx context.Context, name string, request []byte) (answer []byte, err error) {
	in, feed, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer in.Close()
	defer feed.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	runtime.LockOSThread() // see userns.Program.Tied
	defer runtime.UnlockOSThread()
	p := userns.Program{Argv: []string{name}, Tied: true, Stdio: [3]*os.File{in, os.Stderr, nil}, Extra: theirs}
	if p.Path, p.File, err = self(); err != nil {
		return nil, err
	}
	process, err := l.grant.Start(p, openBase(l.paths.Run, l.grant))
	if err != nil {
		return nil, err
	}
	if err := process.Map(ctx, l.grant); err != nil {
		return nil, err
	}
	theirs.Close()
	go func() { _, _ = feed.Write(request); feed.Close() }()
	k, payload, fds, err := conn{ours}.receive()
	closeAll(fds)
	status, werr := process.Wait()
	switch {
	case err == nil && k == msgFailed && len(payload) > 0:
		return nil, errors.New(string(payload[1:]))
	case werr != nil:
		return nil, werr
	case status != 0:
		return nil, fmt.Errorf("%s ended with status %d", name, status)
	}
	return payload, nil
}

// Shift is the main function of [ShiftName].
func Shift() int {
	return helperMain(func(ctx context.Context) error {
		var r shiftRequest
		if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
			return fmt.Errorf("cannot read the request: %w", err)
		}
		switch r.Task {
		case taskShift:
			return r.shift(ctx)
		case taskCopy:
			return r.copyRoot(ctx)
		case taskProbe:
			return r.probe()
		}
		return fmt.Errorf("no task is called %q", r.Task)
	})
}

// shift tries what this kernel can do, remembers it, and makes the trees.
func (r shiftRequest) shift(ctx context.Context) error {
	redirect := false
	if !r.CopyOnly {
		var err error
		if redirect, err = storage.ProbeRedirect(r.Data); err != nil {
			return fmt.Errorf("cannot try overlay in %s: %w", r.Data, err)
		}
		if err := storage.WriteHostFact(r.Data, storage.FactRedirect, r.Key, map[bool]string{true: "yes", false: "no"}[redirect]); err != nil {
			return err
		}
	}
	s := r.shifter(redirect)
	if done, ok := s.Present(r.Layers); ok { // only the boot was new
		return done.Lock.Close()
	}
	say := r.sayer("preparing the image for these ids, once")
	if !redirect {
		say = r.sayer("copying the image's layers once for this id map: that nothing is copied takes Linux 6.16 and the kernel's overlay")
		say.now()
	}
	s.Note, s.Progress = say.note, say.progress
	done, err := s.Shift(ctx, r.Layers)
	say.end()
	if err != nil {
		return err
	}
	return done.Lock.Close()
}

// copyRoot copies a container's root file system.
func (r shiftRequest) copyRoot(ctx context.Context) error {
	say := r.sayer("copying the image for this container")
	s := r.shifter(false)
	s.Note, s.Progress = say.note, say.progress
	err := s.CopyRoot(ctx, r.Layers, r.Dest, r.Keep)
	say.end()
	return err
}

// helperMain runs f and sends its error over descriptor 3.
func helperMain(f func(ctx context.Context) error) int {
	err := f(context.Background())
	if err == nil {
		return 0
	}
	_ = conn{os.NewFile(3, "control")}.send(msgFailed, append([]byte{ExitFailed}, err.Error()...))
	return 1
}
