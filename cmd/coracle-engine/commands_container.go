//go:build containers_image_openpgp

package main

// containerCommands are the commands of this group, by path.
func containerCommands() map[string]func() command {
	return map[string]func() command{}
}
