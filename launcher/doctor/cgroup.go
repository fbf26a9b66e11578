package doctor

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"coracle/launcher/cgroup"
)

// cgroups says how containers get cgroups here, which package cgroup decides, and
// which limits they can have.
func cgroups(_ context.Context, e *exam) finding {
	h := cgroup.Find(cgroup.View{
		UID: e.UID, Getenv: e.Getenv, ReadFile: e.ReadFile, Writable: e.Writable,
		Exists: func(path string) bool { _, err := e.Stat(path); return err == nil },
	})
	have := strings.Join(h.Delegated, " ")
	var missing []string
	for _, c := range cgroup.Controllers() {
		if !slices.Contains(h.Delegated, c) {
			missing = append(missing, c)
		}
	}
	var detail, fix string
	switch h.Way {
	case cgroup.Systemd:
		detail = "version 2, a scope of systemd for each container, " + filepath.Base(h.Manager) + ": " + have
		fix = e.delegate()
	case cgroup.Files:
		detail = "version 2, directories made at " + h.At() + ": " + have
		fix = "enable them in the cgroup.subtree_control above, or start the outer container with --cgroupns=private and its limits delegated"
	case cgroup.V1:
		detail = "version 1, which root may: " + have
		fix = "mount -t cgroup -o CONTROLLER cgroup /sys/fs/cgroup/CONTROLLER"
	default:
		return lacks(h.Why, h.Fix)
	}
	if missing != nil {
		return lacks(detail+"; missing: "+strings.Join(missing, ", "), fix)
	}
	return works(detail)
}

// delegate is how to have controllers delegated to users' managers.
func (e *exam) delegate() string {
	if e.UID == 0 {
		return "cat /sys/fs/cgroup/cgroup.controllers   (the kernel lacks them, or version 1 has them)"
	}
	lines := []string{"[Service]", "Delegate=" + strings.Join(cgroup.Controllers(), " ")}
	return "sudo mkdir -p " + filepath.Dir(cgroup.DropIn) + " && " + write(lines, cgroup.DropIn) +
		" && sudo systemctl daemon-reload\nthen log out and in again, or: sudo systemctl restart user@" + strconv.Itoa(e.UID)
}
