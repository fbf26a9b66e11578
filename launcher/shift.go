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

// ShiftName is the argv[0] under which the program copies the layers of an image
// for a container whose ids lie elsewhere: it needs mapped root to own files.
const ShiftName = "coracle-shift"

// shiftRequest is its standard input, one JSON value.
type shiftRequest struct {
	Data       string
	Layers     []string // uppermost first
	UIDs, GIDs userns.IDMap
	Quiet      bool
}

func (r shiftRequest) shifter() *storage.Shifter {
	m := userns.Maps{UIDs: r.UIDs, GIDs: r.GIDs}
	return &storage.Shifter{Data: r.Data, UID: m.ShiftUID, GID: m.ShiftGID, Key: r.UIDs.String() + "/" + r.GIDs.String()}
}

// shift finds the layers in which this container sees the image's owners as the
// image has them, and has them copied when this is the first container with
// such a map.
func (l *launch) shift(ctx context.Context) error {
	maps := l.maps
	if maps.Join != "" {
		maps = l.joinMaps
	}
	if l.image == nil || maps.Host || maps.Identity() {
		return nil
	}
	r := shiftRequest{Data: l.paths.Data, UIDs: maps.UIDs, GIDs: maps.GIDs, Quiet: l.options.Quiet}
	for _, layer := range l.image.Layers {
		r.Layers = append(r.Layers, layer.Diff)
	}
	var ok bool
	if l.shifted, ok = r.shifter().Present(r.Layers); ok {
		return nil
	}
	if l.options.Explain {
		return errors.New("the image's layers were not copied for these id maps yet, and --explain touches nothing\n  fix: run it once without --explain")
	}
	request, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := l.helper(ctx, ShiftName, request); err != nil {
		return err
	}
	if l.shifted, ok = r.shifter().Present(r.Layers); !ok {
		return errors.New("the copy of the image's layers disappeared\n  fix: run the command again")
	}
	return nil
}

// helper runs this program under another name as mapped root of the base
// namespace and gives it its request on standard input. Standard output and
// error are the caller's error; what it fails with comes back on descriptor 3.
func (l *launch) helper(ctx context.Context, name string, request []byte) error {
	in, feed, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer in.Close()
	defer feed.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	defer theirs.Close()
	runtime.LockOSThread() // see userns.Program.Tied
	defer runtime.UnlockOSThread()
	p := userns.Program{Argv: []string{name}, Tied: true, Stdio: [3]*os.File{in, os.Stderr, nil}, Extra: theirs}
	if p.Path, p.File, err = self(); err != nil {
		return err
	}
	process, err := l.grant.Start(p, openBase(l.paths.Run, l.grant))
	if err != nil {
		return err
	}
	if err := process.Map(ctx, l.grant); err != nil {
		return err
	}
	theirs.Close()
	go func() { _, _ = feed.Write(request); feed.Close() }()
	k, payload, fds, err := conn{ours}.receive()
	closeAll(fds)
	status, werr := process.Wait()
	switch {
	case err == nil && k == msgFailed && len(payload) > 0:
		return errors.New(string(payload[1:]))
	case werr != nil:
		return werr
	case status != 0:
		return fmt.Errorf("%s ended with status %d", name, status)
	}
	return nil
}

// Shift is the main function of [ShiftName].
func Shift() int {
	return helperMain(func(ctx context.Context) error {
		var r shiftRequest
		if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
			return fmt.Errorf("cannot read the request: %w", err)
		}
		s := r.shifter()
		if !r.Quiet {
			fmt.Fprintln(os.Stderr, "coracle: copying the image's layers once for this id map: the kernel cannot show other owners without")
			s.Note = func(text string) { fmt.Fprintln(os.Stderr, "coracle: "+text) }
		}
		done, err := s.Shift(ctx, r.Layers)
		if err != nil {
			return err
		}
		return done.Lock.Close()
	})
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
