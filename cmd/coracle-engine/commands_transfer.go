//go:build containers_image_openpgp

package main

// transferCommands are the commands of this group, by path.
func transferCommands() map[string]func() command {
	return map[string]func() command{
		"push":   func() command { return &pushCommand{} },
		"login":  func() command { return &loginCommand{} },
		"logout": func() command { return &logoutCommand{} },
		"search": func() command { return &searchCommand{} },
		"load":   func() command { return &loadCommand{} },
		"save":   func() command { return &saveCommand{} },
		"import": func() command { return &importCommand{} },
	}
}
