package main

import (
	"coracle/launcher"
	"coracle/launcher/containers"
)

// inspectNamespaces are a container's namespaces beside the caller's and those of
// other containers.
func inspectNamespaces(all *launcher.Containers, c *containers.Container) ([]launcher.Namespace, error) {
	list, err := all.List()
	if err != nil {
		return nil, err
	}
	return launcher.NamespacesOf(c, list), nil
}
