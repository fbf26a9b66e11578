package main

import (
	"coracle/launcher"
	"coracle/launcher/containers"
)

// inspectNamespaces are a running container's namespaces beside the caller's and
// those of other containers.
func inspectNamespaces(all *launcher.Containers, c *containers.Container) ([]inspectNamespace, error) {
	list, err := all.List()
	if err != nil {
		return nil, err
	}
	mine := containers.Namespaces(c.PID)
	own := containers.Namespaces(0)
	var out []inspectNamespace
	for _, kind := range containers.NamespaceTypes() {
		n := inspectNamespace{Type: kind, Inode: mine[kind], Host: mine[kind] != 0 && mine[kind] == own[kind]}
		for _, other := range list {
			if other.ID != c.ID && other.PID != 0 && mine[kind] != 0 && !n.Host && containers.Namespaces(other.PID)[kind] == mine[kind] {
				n.Shared = append(n.Shared, other.Name)
			}
		}
		out = append(out, n)
	}
	return out, nil
}
