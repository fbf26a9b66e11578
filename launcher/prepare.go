package launcher

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/intent"
	"coracle/launcher/intent/hostfacts"
	"coracle/launcher/internal/seccomp"
	"coracle/launcher/plan"
	"coracle/slirp/networks"
	"coracle/storage"
	"coracle/storage/record"
	"coracle/userns"
)

// launch is one `run` on its way from options to a plan.
type launch struct {
	options *intent.Options
	grant   userns.Grant
	// shell is set in the shell of coracle unshare.
	shell *userns.Base
	paths storage.Paths
	image *record.Record // nil with --rootfs
	// bridge is the default network where that is the host's, or nil.
	bridge *networks.Network
	// rootfs is the directory of --rootfs; its changes may go elsewhere.
	rootfs        string
	rootfsOverlay bool
	maps          userns.Maps
	// joinMaps are the maps of the container whose user namespace is shared.
	joinMaps userns.Maps
	// reserved is the lock under which ids were chosen for --userns auto, or nil.
	reserved *os.File

	spec   *specs.Spec
	extras *intent.Extras
	plan   *plan.Plan
	cwd    string // the caller's, when the container was created
	// shifted are the image's layers with other owners; nil when they serve as
	// they lie in the store.
	shifted *storage.Shifted
	// gate keeps the image from being removed until others can see that it is used.
	gate *os.File
	// keep makes a container that is to be removed at its end stay until it was
	// started.
	keep bool
	// again is set when the container exists already.
	again *again
	// way is how the root file system is made, wayAsked that the user chose it, fuse
	// the path of fuse-overlayfs if it is that.
	way      storage.RootWay
	wayAsked bool
	fuse     string
	// mounts are directories of the container's that overlays are mounted on.
	mounts []string
	// joins are the open namespaces of other containers, by type.
	joins map[specs.LinuxNamespaceType]*os.File
	// joined are the ids of these containers.
	joined map[specs.LinuxNamespaceType]string
	health *healthRequest
	mounted
	grouped
	// anonymous are the names of the volumes that were made for this container.
	anonymous []string
}

// identify finds out who is asking, and where things are.
func identify(ctx context.Context, o *intent.Options) (*launch, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	l, err := newLaunch(ctx)
	if err == nil {
		l.options = o
	}
	return l, err
}

// newLaunch knows who is asking, and where things are; it has no options yet.
func newLaunch(ctx context.Context) (l *launch, err error) {
	l = &launch{}
	if l.grant, err = userns.Lookup(ctx); err != nil {
		return nil, err
	}
	if err := l.insideUnshare(); err != nil {
		return nil, err
	}
	if l.paths, err = storage.FindPaths(l.grant.UID, os.Getenv); err != nil {
		return nil, err
	}
	if err := l.paths.MakeRun(); err != nil {
		return l, err
	}
	l.sweepBridge()
	return l, nil
}

// resolve finds the root file system, pulling the image if need be, and the ids
// and namespaces that the container is to have.
func (l *launch) resolve(ctx context.Context) (err error) {
	if l.options.Rootfs {
		l.rootfs, l.rootfsOverlay, err = rootfsDir(l.options.Image())
	} else {
		l.image, err = l.findImage(ctx)
	}
	if err != nil {
		return err
	}
	if err := l.openJoins(); err != nil {
		return err
	}
	if err := l.mapIDs(); err != nil {
		return err
	}
	if err := l.chooseWay(); err != nil {
		return err
	}
	return l.shift(ctx)
}

// layers are the directories of the root file system, uppermost first.
func (l *launch) layers() []string {
	if l.image == nil {
		return []string{l.rootfs}
	}
	var dirs []string
	for _, layer := range l.image.Layers {
		dirs = append(dirs, layer.Diff)
	}
	return dirs
}

// rootfsDir is the directory of --rootfs DIR[:O].
func rootfsDir(arg string) (dir string, overlay bool, err error) {
	if dir, overlay, err = intent.Rootfs(arg); err != nil {
		return "", false, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return "", false, fmt.Errorf("--rootfs %s: not a directory\n  fix: name one that holds a root file system", dir)
	}
	return dir, overlay, nil
}

// compute turns what was asked into the plan of the container in dir.
func (l *launch) compute(ctx context.Context, d *storage.Dir) error {
	view := storage.NewView(l.layers())
	defer view.Close()
	host, err := hostfacts.Gather(l.options)
	if err != nil {
		return err
	}
	if l.again != nil && l.again.cwd != "" {
		host.Cwd = l.again.cwd
	}
	l.cwd = host.Cwd
	host.MountsOf = l.mountsOf
	host.Network = l.findNetwork
	in := intent.Input{Options: l.options, ID: d.ID, Image: l.imageConfig(), View: view, Maps: l.intentMaps(), Host: host}
	if l.spec, l.extras, err = intent.Build(in); err != nil {
		return err
	}
	if list := l.extras.Attachments; len(list) > 0 {
		l.options.Attach(list) // by name, as they are recorded
	}
	if err := l.checkBridge(); err != nil {
		return err
	}
	if l.again != nil {
		l.spec.Process.Env = l.again.env
	}
	if args := l.spec.Process.Args; args[0] == "" {
		return &CommandError{Code: ExitNotFound, Command: args[0]}
	}
	filter, err := compileFilter(l.extras.Seccomp, l.spec.Process.Capabilities.Bounding)
	if err != nil {
		return err
	}
	l.resolveJoins()
	if err := l.prepareVolumes(ctx, d, view); err != nil {
		return err
	}
	defer l.closeViews()
	l.completeOverlays(d)
	if err := l.placeGroup(d.ID); err != nil {
		return err
	}
	var files []plan.File
	for _, f := range l.extras.Files {
		path := f.Path
		// A link that leads nowhere yet, as /etc/resolv.conf in many images: the file
		// is made where it leads to.
		if at, _, exists, err := view.Resolve(path); err == nil && !exists && l.mountOver(path) == nil {
			path = "/" + at
		}
		files = append(files, plan.File{Path: path, Content: f.Content, Mode: f.Mode, ReadOnly: f.ReadOnly})
	}
	l.resolveMasks(view)
	root := l.root(d)
	if l.image != nil && l.shifted == nil && root.Upper != "" {
		root.Fresh = foreignDirs(l.image.Layers, l.image.Dir, &l.grant, l.mountTargets(files))
	}
	l.plan, err = plan.New(plan.Input{
		Spec: l.spec, Root: root, Files: files, Filter: filter, Volumes: l.places,
		KeepGroups: l.extras.KeepGroups, DenySetgroups: l.grant.Single, Init: l.extras.Init,
		Kind: l.kind(view, files), NotDir: notDir, Keep: l.extras.PreserveFDs, Cgroup: l.place != nil, Network: l.extras.Slirp != nil || l.extras.Driver != nil,
	})
	if err != nil {
		return fmt.Errorf("cannot plan the launch: %w", err)
	}
	return l.planHealth(host, filter)
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
		WorkingDir: c.WorkingDir, Labels: c.Labels, ExposedPorts: c.ExposedPorts, StopSignal: c.StopSignal, Healthcheck: imageHealth(l.image.Raw),
	}
}

// compileFilter compiles a seccomp profile as [intent.Extras.Seccomp] names it, for
// a container with these capabilities.
func compileFilter(name string, bounding []string) (*plan.Filter, error) {
	var profile *specs.LinuxSeccomp
	switch name {
	case "unconfined":
		return nil, nil
	case "":
		profile = seccomp.Default(bounding)
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read the seccomp profile: %w", err)
		}
		defer f.Close()
		kernel, err := seccomp.HostKernel()
		if err != nil {
			return nil, err
		}
		if profile, err = seccomp.ParseProfile(f, bounding, kernel); err != nil {
			return nil, fmt.Errorf("seccomp profile %s: %w", name, err)
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
func (l *launch) root(d *storage.Dir) plan.Root {
	r := plan.Root{Mount: d.Root(), Upper: d.Upper(), Work: d.Work(), Volatile: !d.Keep && l.runsOnce()}
	if l.maps.Join != "" {
		r.UID, _ = l.joinMaps.UIDs.ToOutside(0)
		r.GID, _ = l.joinMaps.GIDs.ToOutside(0)
	}
	if l.way == storage.RootCopy {
		return plan.Root{Dir: d.Upper()}
	}
	r.Fuse = l.fuse
	if l.image != nil {
		if l.shifted != nil {
			r.Data = l.shifted.Data
			r.Dir = filepath.Dir(l.shifted.Layers[0])
			for _, layer := range l.shifted.Layers {
				r.Lower = append(r.Lower, filepath.Base(layer))
			}
			return r
		}
		r.Dir = l.image.Dir
		for _, layer := range l.image.Layers {
			r.Lower = append(r.Lower, layer.Link)
		}
		return r
	}
	if l.rootfsOverlay {
		r.Dir, r.Lower = "/", []string{l.rootfs}
		return r
	}
	return plan.Root{Dir: l.rootfs}
}

// completeOverlays gives volumes of type overlay their directories.
func (l *launch) completeOverlays(d *storage.Dir) {
	n := 0
	for i := range l.spec.Mounts {
		if m := &l.spec.Mounts[i]; m.Type == "overlay" && l.places[m.Destination] == nil {
			base := filepath.Join(d.Path, fmt.Sprintf("volume-%d", n))
			n++
			l.mounts = append(l.mounts, plan.VolumeRoot(base))
			m.Options = append(m.Options, "upperdir="+base+"/upper", "workdir="+base+"/work")
		}
	}
}
