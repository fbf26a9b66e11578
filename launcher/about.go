package launcher

import (
	"path/filepath"

	"coracle/launcher/cgroup"
	"coracle/launcher/doctor"
	"coracle/userns"
)

// About is what this user's coracle works with: where things are, which ids it
// may give away, how it gets cgroups.
type About struct {
	// Data, Run and Store are the directories of containers, of sockets and locks, and
	// of images.
	Data, Run, Store string
	Grant            userns.Grant
	Cgroup           *cgroup.Host
	LogDriver        string // of detached containers
	Volumes          string
}

// About finds that out.
func (c *Containers) About() About {
	return About{
		Data: c.Data, Run: c.run, Store: doctor.StoreDir(c.grant), Grant: c.grant, Cgroup: cgroup.Find(cgroup.Real()),
		LogDriver: defaultLogDriver, Volumes: filepath.Join(c.Data, "volumes"),
	}
}

// LogDrivers are the words for --log-driver.
func LogDrivers() []string {
	return []string{"k8s-file", "json-file", "journald", "none", "passthrough"}
}
