package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/events"
	"coracle/storage"
	"coracle/storage/record"
	"coracle/userns"
)

// baseImage is what `run` without an image means.
const baseImage = "coracle/base"

// findImage answers from a record when one is valid: the usual case, in which
// the image store is not opened at all. Otherwise the image engine is asked.
func (l *launch) findImage(ctx context.Context) (*record.Record, error) {
	ref := l.options.Image()
	switch {
	case l.again != nil:
		ref = l.again.image
	case ref == "":
		ref = baseImage
	}
	r, err := l.imageOf(ctx, ref)
	if l.again != nil && errors.Is(err, record.ErrNotFound) {
		return nil, fmt.Errorf("the container's image %.12s is gone\n  fix: coracle pull %s", ref, l.again.created.Image)
	}
	return r, err
}

// imageTries is how often an image is looked for that is removed each time before
// it can be held. The last time nothing is removed while the engine works, which
// may be a whole pull.
const imageTries = 3

// imageOf is findImage for any reference. From when it returns, nobody removes
// images until l.gate is closed.
func (l *launch) imageOf(ctx context.Context, ref string) (*record.Record, error) {
	for try := 1; ; try++ {
		r, fresh, err := l.lookUp(ctx, ref, try == imageTries)
		if err != nil || l.options.Explain || !fresh {
			return r, err
		}
		// The gate was open while the engine worked.
		if err := l.enterGate(); err != nil {
			return nil, err
		}
		if r.Stale() == "" || try == imageTries {
			return r, nil
		}
	}
}

// enterGate keeps images from being removed.
func (l *launch) enterGate() (err error) {
	if l.gate == nil {
		l.gate, err = storage.Gate{Data: l.paths.Data}.Launch()
	}
	return err
}

// leaveGate is for when others can see what this launch needs.
func (l *launch) leaveGate() {
	if l.gate != nil {
		l.gate.Close()
		l.gate = nil
	}
}

// lookUp finds an image; fresh says that the engine was asked, with the gate
// open unless hold is set.
func (l *launch) lookUp(ctx context.Context, ref string, hold bool) (r *record.Record, fresh bool, err error) {
	wd, _ := os.Getwd()
	platform, err := l.platform()
	if err != nil {
		return nil, false, err
	}
	uid, _ := l.realIDs()
	q := record.Query{Ref: ref, Platform: platform, Build: buildID(), UID: uid, Dir: wd, Env: os.Getenv}
	path := filepath.Join(l.paths.Data, "records", q.Key())
	pull := record.Pull(l.options.Pull)
	if pull != record.PullAlways && pull != record.PullNewer {
		if !l.options.Explain {
			if err := l.enterGate(); err != nil {
				return nil, false, err
			}
		}
		// A record does not tell whether whose files were was kept.
		if r, err := record.Load(path); err == nil && r.Stale() == "" && l.options.IDs == "" {
			return r, false, nil
		}
	}
	if !hold {
		l.leaveGate() // a pull may take long
	}
	if l.again != nil || l.options.Explain {
		pull = record.PullNever // it touches nothing
	}
	answer, err := l.askEngine(ctx, "resolve", record.Request{
		Ref: ref, Platform: platform, Pull: pull, Quiet: l.options.Quiet, Scratch: filepath.Join(l.paths.Data, "incoming"),
		AuthFile: l.options.Authfile, Creds: l.options.Creds, CertDir: l.options.CertDir, TLSVerify: l.options.TLSVerify,
		Retry: l.options.Retry, RetryDelay: l.options.RetryDelay, IDs: l.options.IDs, SignaturePolicy: l.options.SigPolicy,
	})
	if err != nil {
		return nil, false, err
	}
	if answer.Pulled {
		events.Write(l.paths.Data, events.Event{Type: events.Image, Status: events.Pull, ID: answer.Record.ID, Name: answer.Record.Ref})
	}
	if !l.options.Quiet {
		for _, n := range answer.Notes {
			fmt.Fprintln(os.Stderr, "coracle: "+n)
		}
	}
	if !l.options.Explain {
		// Without the record the next launch asks again: slower, not wrong.
		_ = answer.Record.Save(path)
	}
	return answer.Record, true, nil
}

// buildID tells builds of the program apart, of which each carries its own base
// image: the version, and when the file was made, which tells two builds of one
// tree apart.
func buildID() string {
	var st unix.Stat_t
	_ = unix.Stat("/proc/self/exe", &st)
	return fmt.Sprint(Version(), st.Size, st.Mtim.Nano())
}

// platform is the platform asked for in any of its forms, "" for this machine's.
func (l *launch) platform() (string, error) {
	p, err := l.options.WantPlatform()
	if err != nil || !p.Explicit() {
		return "", err
	}
	return strings.TrimSuffix(p.OS+"/"+p.Arch+"/"+p.Variant, "/"), nil
}

// askEngine runs the image engine, as mapped root of the base namespace.
func (l *launch) askEngine(ctx context.Context, verb string, q record.Request) (*record.Answer, error) {
	engine, err := storage.Engine()
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	request, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	var in, out [2]*os.File
	for _, p := range []*[2]*os.File{&in, &out} {
		if p[0], p[1], err = os.Pipe(); err != nil {
			return nil, fmt.Errorf("cannot make a pipe: %w", err)
		}
		defer p[0].Close()
		defer p[1].Close()
	}
	runtime.LockOSThread() // see userns.Program.Tied
	defer runtime.UnlockOSThread()
	p := l.engineProgram(engine, []string{verb})
	p.Stdio, p.Extra = [3]*os.File{in[0], os.Stderr, nil}, out[1]
	process, err := l.grant.Start(p, openBase(l.paths.Run, l.grant))
	if err != nil {
		return nil, err
	}
	if err := process.Map(ctx, l.grant); err != nil {
		return nil, err
	}
	in[0].Close()
	out[1].Close()
	go func() { _, _ = in[1].Write(request); in[1].Close() }()
	answer, err := record.ReadAnswer(out[0])
	if _, werr := process.Wait(); err == nil {
		err = werr
	}
	if err == nil && verb == "resolve" && answer.Record == nil {
		err = fmt.Errorf("the image engine gave no image for %q", strings.TrimSpace(q.Ref))
	}
	return answer, err
}

// engineProgram is the image engine with its arguments and environment.
func (l *launch) engineProgram(engine *os.File, args []string) userns.Program {
	uid, gid := l.realIDs()
	return userns.Program{
		File: engine, Argv: append([]string{"coracle-engine"}, args...), Tied: true,
		Env: record.Environ(os.Environ(), uid, gid),
	}
}

// imageGone tells that a layer of the image, which was there when it was looked
// up, is not there any more: another process removed the image.
func (l *launch) imageGone() bool {
	if l.image == nil {
		return false
	}
	for _, layer := range l.image.Layers {
		if unix.Access(layer.Diff, unix.F_OK) == unix.ENOENT {
			return true
		}
	}
	return false
}
