package baseimage

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeBusybox is a program header and a table of applets: all that is looked at.
func fakeBusybox(t *testing.T, machine elf.Machine, segments ...elf.ProgType) []byte {
	t.Helper()
	header := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(len(segments)),
	}
	var program bytes.Buffer
	if err := binary.Write(&program, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	for _, segment := range segments {
		if err := binary.Write(&program, binary.LittleEndian, elf.Prog64{Type: uint32(segment)}); err != nil {
			t.Fatal(err)
		}
	}
	program.WriteString("\x00" + strings.Join(strings.Fields(applets), "\x00") + "\x00")
	return program.Bytes()
}

func options(t *testing.T) Options {
	return Options{
		Arch: "amd64", Busybox: fakeBusybox(t, elf.EM_X86_64, elf.PT_LOAD), Copyright: []byte("GPL-2\n"),
		Version: "1:1.35.0-4", When: time.Unix(1767225600, 999),
	}
}

func image(t *testing.T, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// untar reads an archive and checks what holds for all of ours.
func untar(t *testing.T, data []byte) (map[string]*tar.Header, map[string][]byte) {
	t.Helper()
	headers, files := map[string]*tar.Header{}, map[string][]byte{}
	in := tar.NewReader(bytes.NewReader(data))
	for last := ""; ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return headers, files
		}
		if err != nil {
			t.Fatal(err)
		}
		name := path.Clean(h.Name)
		if parent := path.Dir(name); headers[name] != nil || parent != "." && headers[parent] == nil {
			t.Errorf("%s: twice, or before its directory", h.Name)
		}
		if h.Name <= last || h.ModTime.Unix() != 1767225600 || h.Uname != "" || h.Gname != "" || h.Format != tar.FormatUSTAR {
			t.Errorf("%s: not in order, or of another time, user or format: %+v", h.Name, h)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		headers[name], files[name], last = h, body, h.Name
	}
}

func TestReproducible(t *testing.T) {
	o := options(t)
	first := image(t, o)
	o.When = o.When.In(time.FixedZone("elsewhere", 3600))
	if !bytes.Equal(first, image(t, o)) {
		t.Error("the same input gives other bytes")
	}
	o.When = o.When.Add(time.Hour)
	if bytes.Equal(first, image(t, o)) {
		t.Error("the time is not what it was told to be")
	}
}

type descriptor struct {
	MediaType, Digest string
	Size              int
	Annotations       map[string]string
}

func TestLayout(t *testing.T) {
	_, files := untar(t, image(t, options(t)))
	parse := func(data []byte, v any) {
		t.Helper()
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(d descriptor) []byte {
		t.Helper()
		data := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if digest(data) != d.Digest || len(data) != d.Size {
			t.Fatalf("%+v: not its digest or size", d)
		}
		return data
	}
	var index struct{ Manifests []descriptor }
	parse(files["index.json"], &index)
	if len(index.Manifests) != 1 || index.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != Name {
		t.Fatalf("%+v", index)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	parse(blob(index.Manifests[0]), &manifest)
	var config struct {
		Architecture, OS string
		Config           struct {
			Cmd, Env []string
			Labels   map[string]string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
		History []any
	}
	parse(blob(manifest.Config), &config)
	if config.Architecture != "amd64" || config.OS != "linux" || strings.Join(config.Config.Cmd, " ") != "sh" ||
		len(config.Config.Env) != 1 || config.Config.Labels["org.opencontainers.image.licenses"] == "" {
		t.Errorf("%+v", config)
	}
	if len(manifest.Layers) < 2 || len(config.RootFS.DiffIDs) != len(manifest.Layers) || len(config.History) != len(manifest.Layers) {
		t.Fatalf("%d layers, %d diff ids", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	root := map[string]*tar.Header{}
	contents := map[string][]byte{}
	for i, layer := range manifest.Layers {
		unzip, err := gzip.NewReader(bytes.NewReader(blob(layer)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(unzip)
		if err != nil || digest(plain) != config.RootFS.DiffIDs[i] {
			t.Errorf("layer %d: not its diff id: %v", i, err)
		}
		headers, bodies := untar(t, plain)
		for name := range headers {
			root[name], contents[name] = headers[name], bodies[name]
		}
	}
	for name, mode := range map[string]int64{"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700, "etc/passwd": 0o644, "bin/busybox": 0o755, "proc": 0o755} {
		if root[name] == nil || root[name].Mode != mode {
			t.Errorf("%s: %+v", name, root[name])
		}
	}
	if h := root["home/coracle"]; h == nil || h.Uid != 1000 || h.Gid != 1000 {
		t.Errorf("home: %+v", h)
	}
	for _, name := range strings.Fields("sh ps ls cat id mount ip wget nc sleep hostname stty env") {
		if h := root["bin/"+name]; h == nil || h.Linkname != "busybox" {
			t.Errorf("no %s", name)
		}
	}
	const doc = "usr/share/doc/busybox-static/"
	if string(contents[doc+"copyright"]) != "GPL-2\n" || !strings.Contains(string(contents[doc+"SOURCE"]), "1:1.35.0-4") {
		t.Error("the licence is not in the image")
	}
}

func TestRefusesBusybox(t *testing.T) {
	good := options(t).Busybox
	for name, change := range map[string]func(*Options){
		"no program":            func(o *Options) { o.Busybox = []byte("#!/bin/sh\n") },
		"empty":                 func(o *Options) { o.Busybox = nil },
		"another architecture":  func(o *Options) { o.Arch = "arm64" },
		"not static":            func(o *Options) { o.Busybox = fakeBusybox(t, elf.EM_X86_64, elf.PT_LOAD, elf.PT_INTERP) },
		"a name that is absent": func(o *Options) { o.Busybox = bytes.Replace(good, []byte("\x00wget\x00"), []byte("\x00"), 1) },
	} {
		o := options(t)
		change(&o)
		if err := Write(io.Discard, o); !errors.Is(err, ErrBusybox) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*Options){
		"no version":   func(o *Options) { o.Version = "" },
		"no licence":   func(o *Options) { o.Copyright = nil },
		"unknown arch": func(o *Options) { o.Arch = "riscv64" },
	} {
		o := options(t)
		change(&o)
		if err := Write(io.Discard, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	arm := options(t)
	arm.Arch, arm.Busybox = "arm64", fakeBusybox(t, elf.EM_AARCH64)
	image(t, arm)
}

func TestVersion(t *testing.T) {
	for program, want := range map[string]string{
		"\x00started: BusyBox v1.35.0\x00xBusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1)\nmore": "1:1.35.0-4+deb12u1+b1",
		"BusyBox v1.37.0 (2025-01-01 10:00:00 UTC)\x00":                                         "1.37.0",
		"BusyBox v1.35.0": "",
		"BusyBox v (":     "",
		"":                "",
	} {
		if got := version([]byte(program)); got != want {
			t.Errorf("%q: %q, want %q", program, got, want)
		}
	}
}

func TestWriteTarTwice(t *testing.T) {
	if err := writeTar(io.Discard, []entry{{name: "a"}, {name: "a/"}}, time.Unix(0, 0)); err == nil {
		t.Error("one name for two files")
	}
}

// Other people's tools read the archive, and what is in it runs.
func TestRealImage(t *testing.T) {
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil || checkBusybox(busybox, "amd64") != nil {
		t.Skip("arch amd64: busybox-static for amd64 is not installed")
	}
	o := options(t)
	o.Busybox = busybox
	list, err := exec.Command("/bin/busybox", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(applets) {
		if !strings.Contains("\n"+string(list), "\n"+name+"\n") {
			t.Errorf("busybox has no %s", name)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "base.oci.tar")
	if err := os.WriteFile(file, image(t, o), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("program skopeo: it is not installed")
	}
	if out, err := exec.Command("skopeo", "inspect", "oci-archive:"+file+":"+Name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// This reads and checks every blob.
	if out, err := exec.Command("skopeo", "copy", "--insecure-policy", "oci-archive:"+file, "oci:"+dir+"/oci:base").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := exec.LookPath("umoci"); err != nil {
		t.Skip("program umoci: it is not installed")
	}
	if out, err := exec.Command("umoci", "unpack", "--rootless", "--image", dir+"/oci:base", dir+"/bundle").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inside := exec.Command("unshare", "--map-root-user", "--root", dir+"/bundle/rootfs", "/bin/sh", "-c", "id -un && ls -d /tmp /bin/sh && grep ^NAME /etc/os-release")
	out, err := inside.CombinedOutput()
	if err != nil || string(out) != "root\n/bin/sh\n/tmp\nNAME=\"Coracle base\"\n" {
		t.Errorf("%v\n%s", err, out)
	}
}
