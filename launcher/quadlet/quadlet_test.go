package quadlet

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func src() Source {
	return Source{Name: "web", Path: "/home/ana/web.container", Program: "/usr/bin/coracle"}
}

func service(t *testing.T, text string) string {
	t.Helper()
	f, err := Parse("web.container", text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Service(src())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestService(t *testing.T) {
	got := service(t, `# a comment
[Unit]
Description=The web server
After=network.target

[Container]
Image=docker.io/library/web:1
ContainerName=web
Exec=serve --dir "/srv/a b" \
  ; a comment in between
  --percent %h
Environment=A=1 "B=two words" C=$x
PublishPort=8080:80

[Service]
Restart=always

[X-Ours]
Anything=goes

[Install]
WantedBy=default.target
`)
	want := `# Made by ` + "`coracle quadlet install`" + ` of /home/ana/web.container, which is the place for changes.

[Unit]
Description=The web server
After=network.target
SourcePath=/home/ana/web.container

[Service]
Restart=always
Type=notify
NotifyAccess=all
Delegate=yes
KillMode=mixed
SuccessExitStatus=143
SyslogIdentifier=%N
ExecStart=/usr/bin/coracle run --name web --replace --rm --detach --cgroups split --sdnotify conmon --env A=1 --env "B=two words" --env C=$$x --publish 8080:80 docker.io/library/web:1 serve --dir "/srv/a b" --percent %h
ExecStop=/usr/bin/coracle stop --ignore web
ExecStopPost=-/usr/bin/coracle rm --force --ignore web

[Install]
WantedBy=default.target
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFlags(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     " --name systemd-web ",
		"Volume=./data:/data:ro":               " --volume /home/ana/data:/data:ro ",
		"Volume=%h/x:/x":                       " --volume %h/x:/x ",
		"Volume=data:/data":                    " --volume data:/data ",
		"User=5\nGroup=6":                      " --user 5:6 ",
		"ReadOnly=true":                        " --read-only ",
		"ReadOnlyTmpfs=no":                     " --no-read-only-tmpfs ",
		"NoNewPrivileges=yes":                  " --security-opt no-new-privileges ",
		"SeccompProfile=/p.json":               " --security-opt seccomp=/p.json ",
		"Unmask=ALL":                           " --security-opt unmask=ALL ",
		"Notify=true":                          " --sdnotify container ",
		"Label=a=b c=d":                        " --label a=b --label c=d ",
		"Timezone=UTC\nTimezone=local":         " --tz local ",
		"DNS=1.1.1.1\nDNS=\nDNS=2.2.2.2":       " --dns 2.2.2.2 ",
		"HealthCmd=curl -f http://localhost/x": ` --health-cmd "curl -f http://localhost/x" `,
		"PodmanArgs=--memory 1g":               " --memory 1g ",
		"Network=none":                         " --network none ",
		"AddCapability=CAP_A CAP_B":            " --cap-add CAP_A --cap-add CAP_B ",
	} {
		out := service(t, "[Container]\nImage=i\n"+in+"\n")
		i := strings.Index(out, "ExecStart=")
		line, _, _ := strings.Cut(out[i:], "\n")
		if !strings.Contains(line, want) || strings.Contains(line, "1.1.1.1") {
			t.Errorf("%q: %s", in, line)
		}
	}
}

func TestErrors(t *testing.T) {
	const c = "[Container]\nImage=i\n"
	for in, want := range map[string]string{
		"":                                     "x:1: ",
		"[Unit]\nA=b\n":                        "no [Container] section",
		"[Container]\nExec=a\n":                "no Image=",
		"[Container]\nImage=-v\n":              "x:2: ",
		c + "Imag=x\n":                         "x:3: not a valid .container file: the key Imag",
		c + "\n# c\nPod=a.pod\n":               "x:5: ",
		c + "[Pod]\n":                          "x:3: ",
		c + "[Container\n":                     "x:3: ",
		"Image=i\n":                            "x:1: ",
		c + "word\n":                           "x:3: ",
		c + "=v\n":                             "x:3: ",
		c + "Exec=a \"b\n":                     "x:3: ",
		c + "Environment='a\n":                 "x:3: ",
		c + "ReadOnly=perhaps\n":               "x:3: ",
		c + "Notify=perhaps\n":                 "x:3: ",
		c + "Group=5\n":                        "x:3: ",
		c + "Rootfs=/r\n":                      "x:3: ",
		c + "Volume=a.volume:/a\n":             "x:3: ",
		c + "Network=a.network\n":              "x:3: ",
		c + "CgroupsMode=enabled\n":            "x:3: ",
		"[Container]\nImage=a.image\n":         "x:2: ",
		c + "[Service]\nType=oneshot\n":        "x:4: ",
		c + "[Service]\nExecStart=/bin/true\n": "x:4: ",
		c + "Exec=a\r\n[Unit]\rX=y\n":          "x:4: ",
		c + strings.Repeat("#", limit):         "longer than",
	} {
		_, err := Parse("x", in)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v", in, err)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                    nil,
		"  ":                  nil,
		"a b":                 {"a", "b"},
		`"a b"c 'd "e"'`:      {"a bc", `d "e"`},
		`""`:                  {""},
		`a\ b \s`:             {`a\ b`, " "},
		`"\n\t\"" '\\'`:       {"\n\t\"", `\`},
		`sh -c 'echo "$x" ;'`: {"sh", "-c", `echo "$x" ;`},
	} {
		got, err := words(in)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

// Whatever a file says stays on the line it belongs to: nobody can smuggle a
// setting into the service by way of a value.
func FuzzParse(f *testing.F) {
	f.Add("[Container]\nImage=i\nExec=sh -c \"a\\nb\"\n[Service]\nRestart=no\n")
	f.Add("[Container]\nImage=i\nEnvironment='A=\\n[Service]\\nExecStart=x'\nLabel=\"a=\\\"b\"")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("x", text)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			return
		}
		out, err := file.Service(src())
		if err != nil {
			t.Fatalf("parsed, but: %v", err)
		}
		starts := 0
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "ExecStart=") {
				starts++
			}
		}
		if starts != 1 {
			t.Errorf("%d ExecStart lines:\n%s", starts, out)
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("a \"b c\" ; $x \\n")
	f.Fuzz(func(t *testing.T, text string) {
		want := []string{text, "x"}
		got, err := words(join(want))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", want, got, err)
		}
	})
}
