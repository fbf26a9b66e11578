//go:build containers_image_openpgp

package main

// imageCommands are the commands of this group, by path.
func imageCommands() map[string]func() command {
	return map[string]func() command{
		"image exists": func() command { return &imageExists{} },
	}
}
