//go:build containers_image_openpgp

package main

// containerCommands are the commands of this group, by path.
func containerCommands() map[string]func() command {
	return map[string]func() command{
		"commit":  func() command { return &commitCmd{} },
		"cp":      func() command { return &cpCmd{} },
		"diff":    func() command { return &diffCmd{} },
		"export":  func() command { return &exportCmd{} },
		"mount":   func() command { return &mountCmd{} },
		"unmount": func() command { return &unmountCmd{} },
		"whoowns": func() command { return &whoownsCmd{} },
	}
}
