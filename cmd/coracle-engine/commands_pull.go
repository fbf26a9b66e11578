//go:build containers_image_openpgp

package main

// pullCommands are the commands of this group, by path.
func pullCommands() map[string]func() command {
	return map[string]func() command{
		"pull": func() command { return &pullCommand{} },
	}
}
