package baseimage

// skeleton is the first layer: what programs expect of any system.
//
// /etc/hosts and its like are there because a container gets its own mounted
// over them, and a place that is there need not be made at every start.
func skeleton() []entry {
	entries := []entry{
		{name: "home/coracle/", mode: 0o755, id: 1000},
		{name: "root/", mode: 0o700},
		{name: "sbin", mode: 0o777, link: "bin"},
		{name: "tmp/", mode: 0o1777},
		{name: "usr/bin", mode: 0o777, link: "../bin"},
		{name: "usr/sbin", mode: 0o777, link: "../bin"},
		{name: "var/run", mode: 0o777, link: "../run"},
		{name: "var/tmp/", mode: 0o1777},
	}
	for _, dir := range []string{
		"bin/", "dev/", "etc/", "home/", "mnt/", "opt/", "proc/", "run/", "srv/", "sys/", "usr/", "usr/share/", "var/", "var/cache/", "var/log/",
	} {
		entries = append(entries, entry{name: dir, mode: 0o755})
	}
	for name, text := range map[string]string{
		"etc/group":         group,
		"etc/hostname":      "",
		"etc/hosts":         "",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
		"etc/os-release":    osRelease,
		"etc/passwd":        passwd,
		"etc/profile":       profile,
		"etc/resolv.conf":   "",
		"etc/shells":        "/bin/sh\n/bin/ash\n",
	} {
		entries = append(entries, entry{name: name, mode: 0o644, body: []byte(text)})
	}
	return entries
}

const passwd = `root:x:0:0:root:/root:/bin/sh
coracle:x:1000:1000:a user:/home/coracle:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`

const group = `root:x:0:
tty:x:5:
users:x:100:coracle
coracle:x:1000:
nogroup:x:65534:
`

const osRelease = `NAME="Coracle base"
ID=coracle-base
PRETTY_NAME="Coracle base image (busybox)"
`

const profile = `export PS1='\u@\h:\w\$ '
`
