//go:build containers_image_openpgp

package main

// transferCommands are the commands of this group, by path.
func transferCommands() map[string]func() command {
	return map[string]func() command{
		"push": func() command { return &pushCommand{} },
	}
}
