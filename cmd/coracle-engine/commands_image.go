//go:build containers_image_openpgp

package main

// imageCommands are the commands of this group, by path.
func imageCommands() map[string]func() command {
	return map[string]func() command{
		"images":       func() command { return &imagesCommand{} },
		"image exists": func() command { return &imageExists{} },
	}
}
