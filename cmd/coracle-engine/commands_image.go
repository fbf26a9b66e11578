//go:build containers_image_openpgp

package main

// imageCommands are the commands of this group, by path.
func imageCommands() map[string]func() command {
	return map[string]func() command{
		"images":                  func() command { return &imagesCommand{} },
		"rmi":                     func() command { return &rmi{} },
		"tag":                     func() command { return &tagCommand{} },
		"untag":                   func() command { return &untagCommand{} },
		"history":                 func() command { return &history{} },
		"image inspect":           func() command { return &imageInspect{} },
		"image tree":              func() command { return &imageTree{} },
		"image prune":             func() command { return &imagePrune{} },
		"image exists":            func() command { return &imageExists{} },
		"image mount":             func() command { return &imageMount{} },
		"image unmount":           func() command { return &imageUnmount{} },
		"image sign-policy check": func() command { return &signPolicyCheck{} },
	}
}
