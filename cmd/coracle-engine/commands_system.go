//go:build containers_image_openpgp

package main

// systemCommands are the commands of this group, by path.
func systemCommands() map[string]func() command {
	return map[string]func() command{}
}
