package quadlet

import (
	"path/filepath"
	"strings"
)

// Mark begins the text of every service.
const Mark = "# Made by `coracle quadlet install` of "

// Source says where a file comes from and what runs its container.
type Source struct {
	// Name is the name of the service, without .service.
	Name string
	// Path is the file's, absolute.
	Path string
	// Program is the absolute path of coracle.
	Program string
}

// Service is the text of the service. Errors are [ErrInvalid].
//
// The service's main process is the container's supervisor, which `run -d` leaves behind: it
// ends with the container's exit status, so Restart= means what it says.
// Everything stays in the service's cgroup, which systemd hands over (Delegate=), so nothing
// outlives the service. run tells systemd when the container has started.
func (f *File) Service(s Source) (string, error) {
	start, err := f.command(s.Name, filepath.Dir(s.Path), s.Program)
	if err != nil {
		return "", err
	}
	name := f.container(s.Name)
	var b strings.Builder
	b.WriteString(Mark + s.Path + ", which is the place for changes.\n")
	title := func(section string) { b.WriteString("\n[" + section + "]\n") }
	line := func(key, value string) { b.WriteString(key + "=" + value + "\n") }
	pass := func(section string) (seen map[string]bool) {
		seen = map[string]bool{}
		for _, e := range f.sections[section] {
			line(e.key, e.value)
			seen[e.key] = true
		}
		return seen
	}
	title("Unit")
	if !pass("Unit")["Description"] {
		line("Description", "Container "+s.Name)
	}
	line("SourcePath", s.Path)
	title("Service")
	seen := pass("Service")
	if !seen["Type"] {
		line("Type", "notify")
	}
	line("NotifyAccess", "all")
	line("Delegate", "yes")
	line("KillMode", "mixed")
	// A container that ends when it is asked to has not failed.
	if !seen["SuccessExitStatus"] {
		line("SuccessExitStatus", "143")
	}
	if !seen["SyslogIdentifier"] {
		line("SyslogIdentifier", "%N")
	}
	line("ExecStart", join(start))
	line("ExecStop", join([]string{s.Program, "stop", "--ignore", name}))
	line("ExecStopPost", "-"+join([]string{s.Program, "rm", "--force", "--ignore", name}))
	if len(f.sections["Install"]) > 0 {
		title("Install")
		pass("Install")
	}
	return b.String(), nil
}

// container is the container's name; podman's default keeps it apart from others.
func (f *File) container(service string) string {
	if name, _ := f.last("ContainerName"); name != "" {
		return name
	}
	return "systemd-" + service
}

func join(args []string) string {
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = quoted(a)
	}
	return strings.Join(list, " ")
}

// command is the command line that starts the container.
func (f *File) command(service, dir, program string) ([]string, error) {
	args := []string{program, "run", "--name", f.container(service), "--replace", "--rm", "--detach", "--cgroups", "split"}
	add := func(a ...string) { args = append(args, a...) }
	notify, line := f.last("Notify")
	switch notify {
	case "", "false", "no", "off", "0":
		add("--sdnotify", "conmon")
	case "true", "yes", "on", "1":
		add("--sdnotify", "container")
	case "healthy":
		add("--sdnotify", "healthy")
	default:
		return nil, f.fail(line, "Notify=%s: true, false and healthy are possible", notify)
	}
	for _, step := range []func(func(...string)) error{
		f.flags,
		func(add func(...string)) error { return f.special(add, dir) },
		f.what,
	} {
		if err := step(add); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// special are the keys that are more than a flag.
func (f *File) special(add func(...string), dir string) error {
	user, _ := f.last("User")
	if group, line := f.last("Group"); group != "" {
		if user == "" {
			return f.fail(line, "Group= without User=")
		}
		user += ":" + group
	}
	if user != "" {
		add("--user", literal(user))
	}
	if mode, line := f.last("CgroupsMode"); mode != "" && mode != "split" {
		return f.fail(line, "CgroupsMode=%s: only split is possible, so that the service holds its container", mode)
	}
	for _, e := range f.values("Volume") {
		v, err := f.volume(e, dir)
		if err != nil {
			return err
		}
		add("--volume", v)
	}
	for _, e := range f.values("Network") {
		if strings.HasSuffix(e.value, ".network") || strings.HasSuffix(e.value, ".container") {
			return f.fail(e.line, "Network=%s: files of other units are not read in this version", e.value)
		}
		add("--network", literal(e.value))
	}
	for _, o := range []struct{ key, option string }{{"NoNewPrivileges", "no-new-privileges"}, {"SecurityLabelDisable", "label=disable"}} {
		if v, line := f.last(o.key); v != "" {
			if on, err := f.truth(entry{line, o.key, v}); err != nil {
				return err
			} else if on {
				add("--security-opt", o.option)
			}
		}
	}
	for _, o := range []struct{ key, option string }{{"SeccompProfile", "seccomp="}, {"Mask", "mask="}, {"Unmask", "unmask="}} {
		for _, e := range f.values(o.key) {
			add("--security-opt", literal(o.option+e.value))
		}
	}
	for _, e := range f.values("PodmanArgs") {
		ws, err := words(e.value)
		if err != nil {
			return f.fail(e.line, "PodmanArgs: %v", err)
		}
		add(ws...)
	}
	return nil
}

// what is run: the image and the command.
func (f *File) what(add func(...string)) error {
	image, line := f.last("Image")
	root, rootLine := f.last("Rootfs")
	switch {
	case image == "" && root == "":
		return f.fail(line, "[Container] has no Image=")
	case image != "" && root != "":
		return f.fail(rootLine, "Image= and Rootfs= exclude each other")
	case strings.HasSuffix(image, ".image") || strings.HasSuffix(image, ".build"):
		return f.fail(line, "Image=%s: files of other units are not read in this version", image)
	case strings.HasPrefix(image+root, "-"):
		return f.fail(max(line, rootLine), "%s is a flag, not an image", image+root)
	case root != "":
		add("--rootfs", literal(root))
	default:
		add(literal(image))
	}
	exec, line := f.last("Exec")
	ws, err := words(exec)
	if err != nil {
		return f.fail(line, "Exec: %v", err)
	}
	add(ws...)
	return nil
}
