package launcher

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/userns"
	"coracle/userns/tape"
)

// Explain prints the launch that [Run] would execute, one operation a line with
// its reason, and changes nothing. The operations are the very value that a
// supervisor executes; only the container's id is made up.
func Explain(ctx context.Context, o *intent.Options, w io.Writer) error {
	l, err := identify(ctx, o)
	if err != nil {
		return err
	}
	if err := l.resolve(ctx); err != nil {
		return err
	}
	id, err := storage.NewID()
	if err != nil {
		return err
	}
	parent := "containers"
	if o.Rm {
		parent = "scratch"
	}
	dir := &storage.Dir{ID: id, Path: filepath.Join(l.paths.Data, parent, id), Keep: !o.Rm}
	if err := l.compute(ctx, dir); err != nil {
		return err
	}
	path, _, err := self()
	if err != nil {
		return err
	}
	p := printer{w: w}
	join := openBase(l.paths.Run, l.grant)
	p.section("the caller: uid " + strconv.Itoa(l.grant.UID) + ", host namespaces")
	if join == nil {
		p.line("clone3(CLONE_NEWUSER|CLONE_NEWNS|CLONE_VM)", "the base user namespace, and mounts of its own")
		how := [2]string{"newuidmap", "newgidmap"}
		if l.grant.Direct || l.grant.Single {
			how = [2]string{"write uid_map", "write gid_map"}
		}
		p.mapping(how[0], how[1], l.grant.UIDs.String(), l.grant.GIDs.String(), "ids from "+l.grant.Source)
	} else {
		join.Close()
		p.line("clone3(CLONE_VM)", "into the base user namespace of a live supervisor")
	}
	if l.place != nil {
		for _, s := range l.place.Steps(l.spec.Linux.Resources) {
			p.line(s[0], s[1])
		}
	}
	p.section("becoming the supervisor")
	p.ops(l.grant.Ops(userns.Program{Path: path, Early: true, Argv: []string{SupervisorName, l.paths.Run}}, join != nil))
	p.section("the supervisor: mapped root")
	if len(l.plan.Borrow) > 0 {
		p.line("clone3()", "a child, to fetch a mount")
		p.ops(l.plan.Borrow)
	}
	p.ops(l.plan.Host)
	for _, server := range l.plan.Servers {
		p.line(strings.Join(server.Args, " "), "serves the files; dies with the supervisor")
	}
	p.line("clone3("+plan.CloneNames(l.plan.CloneFlags)+sharing(l.plan)+")", "the container's first process in namespaces of its own")
	if l.plan.UIDMap != "" {
		p.mapping("write uid_map", "write gid_map", oneLine(l.plan.UIDMap), oneLine(l.plan.GIDMap), "the container's ids, as base ids")
	}
	p.section("the container's first process")
	p.ops(l.plan.Child)
	return p.err
}

func sharing(p *plan.Plan) string {
	if p.ShareMemory {
		return "|CLONE_VM"
	}
	return ""
}

func oneLine(lines string) string {
	return strings.ReplaceAll(strings.TrimSpace(lines), "\n", ", ")
}

// printer writes lines of two columns.
type printer struct {
	w   io.Writer
	n   int
	err error
}

func (p *printer) section(title string) { p.printf("# %s\n", title) }

func (p *printer) line(op, why string) {
	p.n++
	if why == "" {
		p.printf("%4d  %s\n", p.n, op)
		return
	}
	p.printf("%4d  %-60s  # %s\n", p.n, op, why)
}

func (p *printer) mapping(u, g, uids, gids, why string) {
	p.line(u+" "+uids, why)
	p.line(g+" "+gids, "")
}

func (p *printer) ops(ops []tape.Op) {
	for _, op := range ops {
		p.line(op.String(), op.Why)
	}
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
