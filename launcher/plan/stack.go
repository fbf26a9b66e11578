package plan

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// StackWhy is the reason given for the operations that fail when the kernel's
// overlay cannot be used with the directories named.
const StackWhy = "stack the image's layers"

// Server is a program that serves a file system of the container. It is started
// once Host is executed, as a child of the supervisor, and dies with it.
type Server struct {
	// FD is the supervisor's descriptor that it gets as its 3.
	FD   int
	Args []string // Args[0] is the program's path
	Dir  string   // where it starts
}

// fuseFD is the first descriptor number for servers: the mount option is the
// number as text, so it cannot come from a slot.
const fuseFD = 128

// stack mounts r at r.Mount in the supervisor's mount namespace.
func (p *planner) stack(r Root, isRoot bool) error {
	if r.Upper != "" {
		uid, gid, ok := p.owner()
		owned := isRoot && ok && (uid != 0 || gid != 0)
		if owned {
			p.host.do("the root directory belongs to the container's root", tape.Fchownat, cwd, tape.Str(r.Upper), tape.Int(uid), tape.Int(gid), tape.Int(0))
		}
		for _, dir := range r.Fresh {
			path := filepath.Join(r.Upper, dir)
			p.host.do("the image's own directory is nobody's, and something is mounted there", tape.Mkdirat, cwd, tape.Str(path), tape.Flags(0o755, "0755"))
			p.host.allow(unix.EEXIST)
			if owned {
				p.host.do("", tape.Fchownat, cwd, tape.Str(path), tape.Int(uid), tape.Int(gid), tape.Int(0))
			}
		}
	}
	switch {
	case r.Fuse != "":
		return p.fuse(r)
	case len(r.Data) > 0:
		p.redirected(r)
		return nil
	}
	return p.overlay(r)
}

var create = tape.Flags(unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE")

func (p *planner) option(ctx tape.Slot, why, key, value string) {
	p.host.do(why, tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"), tape.Str(key), tape.Str(value), tape.Int(0))
}

func (p *planner) flag(ctx tape.Slot, why, key string) {
	p.host.do(why, tape.Fsconfig, tape.From(ctx), tape.Flags(unix.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG"), tape.Str(key), tape.Int(0), tape.Int(0))
}

// finishMount makes the mount that ctx describes and attaches it.
func (p *planner) finishMount(ctx tape.Slot, why, at string) {
	p.host.do(why, tape.Fsconfig, tape.From(ctx), create, tape.Int(0), tape.Int(0), tape.Int(0))
	tree := p.host.get("", tape.Fsmount, tape.From(ctx), tape.Flags(unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"), tape.Int(0))
	p.host.do("", tape.MoveMount, tape.From(tree), empty, cwd, tape.Str(at), fromHere)
	p.host.do("", tape.Close, tape.From(tree))
	p.host.do("", tape.Close, tape.From(ctx))
	p.host.do("", tape.Chdir, tape.Str("/"))
}

// redirected stacks trees whose files have their data in other directories
// (Linux 6.16 in user namespaces). Every directory is given by itself, relative
// to the working directory: no page has to hold all names, and no string is
// longer than fsconfig(2) takes, 255 bytes.
func (p *planner) redirected(r Root) {
	h := p.host
	ctx := h.get(StackWhy, tape.Fsopen, tape.Str("overlay"), tape.Flags(unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"))
	p.flag(ctx, "the only form that a user namespace may use", "userxattr")
	h.do("names are relative to here", tape.Chdir, tape.Str(r.Dir))
	for _, l := range r.Lower {
		p.option(ctx, "", "lowerdir+", l)
	}
	for _, d := range r.Data {
		h.do("", tape.Chdir, tape.Str(d))
		p.option(ctx, "where the data of the layers' files is", "datadir+", ".")
	}
	if r.Upper != "" {
		h.do("", tape.Chdir, tape.Str(filepath.Dir(r.Upper)))
		p.option(ctx, "changes go here", "upperdir", filepath.Base(r.Upper))
		p.option(ctx, "", "workdir", filepath.Base(r.Work))
		if r.Volatile {
			p.flag(ctx, "nobody needs it after a crash", "volatile")
		}
	}
	p.finishMount(ctx, StackWhy, r.Mount)
}

// fuse mounts what fuse-overlayfs is going to serve. Requests wait until it
// does: nothing has to be waited for here.
func (p *planner) fuse(r Root) error {
	for _, d := range append([]string{r.Upper, r.Work}, r.Lower...) {
		if strings.ContainsAny(d, ",:\\") {
			return errors.New("fuse-overlayfs cannot name the directory " + d + ": it holds one of , : \\\n  fix: move it to a path without them")
		}
	}
	h := p.host
	fd := fuseFD + len(p.plan.Servers)
	opened := h.get("the device through which fuse-overlayfs serves", tape.Openat, cwd, tape.Str("/dev/fuse"), tape.Flags(unix.O_RDWR|unix.O_CLOEXEC, "O_RDWR|O_CLOEXEC"), tape.Int(0))
	h.do("the option is a number in text", tape.Dup3, tape.From(opened), tape.Int(fd), tape.Flags(unix.O_CLOEXEC, "O_CLOEXEC"))
	h.do("", tape.Close, tape.From(opened))
	ctx := h.get(StackWhy+" with fuse-overlayfs", tape.Fsopen, tape.Str("fuse"), tape.Flags(unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"))
	for _, o := range [][2]string{{"source", "fuse-overlayfs"}, {"fd", fmt.Sprint(fd)}, {"rootmode", "40000"}, {"user_id", "0"}, {"group_id", "0"}} {
		p.option(ctx, "", o[0], o[1])
	}
	p.flag(ctx, "the container has many users", "allow_other")
	p.flag(ctx, "the kernel checks permissions", "default_permissions")
	p.finishMount(ctx, "", r.Mount)
	data := "lowerdir=" + strings.Join(r.Lower, ":")
	if r.Upper != "" {
		data += ",upperdir=" + r.Upper + ",workdir=" + r.Work
		if r.Volatile {
			data += ",volatile"
		}
	}
	p.plan.Servers = append(p.plan.Servers, Server{FD: fd, Dir: r.Dir, Args: []string{r.Fuse, "-f", "-o", data, "/dev/fd/3"}})
	return nil
}

// Fuse is the part of a plan that mounts r with fuse-overlayfs, to be tried by
// itself.
func Fuse(r Root) (*Plan, error) {
	p := &planner{plan: &Plan{}, next: firstFree}
	p.host = &list{p: p}
	err := p.fuse(r)
	p.plan.Host = p.host.ops
	return p.plan, err
}

// Mount is the part of a plan that mounts r at r.Mount in the way that r needs.
// Its operations are about the calling thread's mount namespace and directory.
func Mount(r Root) (*Plan, error) {
	p := &planner{plan: &Plan{}, next: firstFree}
	p.host = &list{p: p}
	err := p.stack(r, false)
	p.plan.Host = p.host.ops
	return p.plan, err
}
