//go:build containers_image_openpgp

package main

// volumeCommands are the commands of this group, by path.
func volumeCommands() map[string]func() command {
	return map[string]func() command{}
}
