package launcher

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/intent"
	"coracle/launcher/internal/seccomp"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/storage/record"
	"coracle/userns"
)

// launch is one `run` on its way from options to a plan.
type launch struct {
	options *intent.Options
	grant   userns.Grant
	paths   storage.Paths
	image   *record.Record // nil with --rootfs
	maps    userns.Maps
	// joinMaps are the maps of the container whose user namespace is shared.
	joinMaps userns.Maps

	spec   *specs.Spec
	extras *intent.Extras
	plan   *plan.Plan
	// shifted are the image's layers with other owners; nil when they serve as
	// they lie in the store.
	shifted *storage.Shifted
	// joins are the open namespaces of other containers, by type.
	joins map[specs.LinuxNamespaceType]*os.File
}

// prepare finds out who is asking, what for, and which root file system it is
// about. It may pull the image.
func prepare(ctx context.Context, o *intent.Options) (*launch, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	l := &launch{options: o}
	var err error
	if l.grant, err = userns.Lookup(ctx); err != nil {
		return nil, err
	}
	if l.paths, err = storage.FindPaths(l.grant.UID, os.Getenv); err != nil {
		return nil, err
	}
	if err := l.paths.MakeRun(); err != nil {
		return nil, err
	}
	if !o.Rootfs {
		if l.image, err = l.findImage(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.openJoins(); err != nil {
		return nil, err
	}
	if err := l.mapIDs(); err != nil {
		return nil, err
	}
	return l, l.shift(ctx)
}

// layers are the directories of the root file system, uppermost first.
func (l *launch) layers() []string {
	if l.image == nil {
		dir, _, _ := rootfsDir(l.options)
		return []string{dir}
	}
	var dirs []string
	for _, layer := range l.image.Layers {
		dirs = append(dirs, layer.Diff)
	}
	return dirs
}

// rootfsDir is the directory of --rootfs and whether changes go elsewhere (:O).
func rootfsDir(o *intent.Options) (dir string, overlay bool, err error) {
	dir, overlay = strings.CutSuffix(o.Image(), ":O")
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	fi, err := os.Stat(dir)
	if err != nil || !fi.IsDir() {
		return "", false, fmt.Errorf("--rootfs %s is not a directory (%v)", o.Image(), err)
	}
	return dir, overlay, nil
}

// compute turns what was asked into the plan of the container in dir.
func (l *launch) compute(d *storage.Dir) error {
	view := storage.NewView(l.layers())
	defer view.Close()
	var err error
	in := intent.Input{Options: l.options, ID: d.ID, Image: l.imageConfig(), View: view, Maps: l.intentMaps(), Host: hostFacts()}
	if l.spec, l.extras, err = intent.Build(in); err != nil {
		return err
	}
	filter, err := l.filter()
	if err != nil {
		return err
	}
	l.resolveJoins()
	l.completeOverlays(d)
	root, err := l.root(d)
	if err != nil {
		return err
	}
	var files []plan.File
	for _, f := range l.extras.Files {
		files = append(files, plan.File{Path: f.Path, Content: f.Content, Mode: f.Mode, ReadOnly: f.ReadOnly})
	}
	l.plan, err = plan.New(plan.Input{
		Spec: l.spec, Root: root, Files: files, Filter: filter, Dirs: l.extras.Dirs,
		KeepGroups: l.extras.KeepGroups, DenySetgroups: l.grant.Single, Init: l.extras.Init,
		Kind: kernelPath, NotDir: notDir, Keep: l.extras.PreserveFDs,
	})
	if err != nil {
		return fmt.Errorf("cannot plan the launch: %w", err)
	}
	return nil
}

// notDir tells of a path of the host that it is there and not a directory.
func notDir(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR
}

func (l *launch) imageConfig() *intent.ImageConfig {
	if l.image == nil {
		return nil
	}
	c := l.image.Config
	volumes := make(map[string]struct{}, len(c.Volumes))
	for _, v := range c.Volumes {
		volumes[v] = struct{}{}
	}
	return &intent.ImageConfig{
		User: c.User, Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Volumes: volumes,
		WorkingDir: c.WorkingDir, Labels: c.Labels, StopSignal: c.StopSignal,
	}
}

// filter compiles the seccomp profile.
func (l *launch) filter() (*plan.Filter, error) {
	profile := l.spec.Linux.Seccomp
	switch l.extras.Seccomp {
	case "unconfined":
		return nil, nil
	case "":
		profile = seccomp.Default(l.spec.Process.Capabilities.Bounding)
	default:
		f, err := os.Open(l.extras.Seccomp)
		if err != nil {
			return nil, fmt.Errorf("cannot read the seccomp profile: %w", err)
		}
		defer f.Close()
		kernel, err := seccomp.HostKernel()
		if err != nil {
			return nil, err
		}
		if profile, err = seccomp.ParseProfile(f, l.spec.Process.Capabilities.Bounding, kernel); err != nil {
			return nil, fmt.Errorf("seccomp profile %s: %w", l.extras.Seccomp, err)
		}
	}
	program, err := seccomp.Compile(profile, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	flags, err := seccomp.FilterFlags(profile)
	if err != nil {
		return nil, err
	}
	about, err := seccomp.Describe(program, runtime.GOARCH)
	return &plan.Filter{Program: program, Flags: flags, About: about.String()}, err
}

// root describes the root file system to the plan.
func (l *launch) root(d *storage.Dir) (plan.Root, error) {
	r := plan.Root{Mount: d.Root(), Upper: d.Upper(), Work: d.Work(), Volatile: !d.Keep}
	if l.image != nil {
		if l.shifted != nil {
			r.Dir = filepath.Dir(l.shifted.Layers[0])
			for _, layer := range l.shifted.Layers {
				r.Lower = append(r.Lower, filepath.Base(layer))
			}
			return r, nil
		}
		r.Dir = l.image.Dir
		for _, layer := range l.image.Layers {
			r.Lower = append(r.Lower, layer.Link)
		}
		return r, nil
	}
	dir, overlay, err := rootfsDir(l.options)
	if err != nil {
		return r, err
	}
	if overlay {
		r.Dir, r.Lower = "/", []string{dir}
		return r, nil
	}
	return plan.Root{Dir: dir}, nil
}

// completeOverlays gives volumes of type overlay their directories.
func (l *launch) completeOverlays(d *storage.Dir) {
	n := 0
	for i := range l.spec.Mounts {
		if m := &l.spec.Mounts[i]; m.Type == "overlay" {
			base := filepath.Join(d.Path, fmt.Sprintf("volume-%d", n))
			n++
			m.Options = append(m.Options, "upperdir="+base+"/upper", "workdir="+base+"/work")
		}
	}
}
