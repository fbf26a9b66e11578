// Package verbs is the list of storage commands: those that the light program
// does not know itself but hands to the image engine. Both programs have it, one
// to know what to hand on, the other to know what to do.
package verbs

import (
	"slices"
	"strings"
)

// Verb is one command.
type Verb struct {
	// Path is how it is called: one word, or a noun and a verb ("image ls").
	Path string
	Help string
	// Is is the path of the command that this one is another name of.
	Is string
}

// Store returns the storage commands, in the order of `coracle help`.
func Store() []Verb {
	return []Verb{
		{Path: "pull", Help: "Fetch images."},
		{Path: "push", Help: "Send an image to a registry, an archive or a directory."},
		{Path: "login", Help: "Log in to a registry."},
		{Path: "logout", Help: "Log out of a registry."},
		{Path: "search", Help: "Search a registry for images."},
		{Path: "images", Help: "List images."},
		{Path: "rmi", Help: "Remove images."},
		{Path: "tag", Help: "Give an image another name."},
		{Path: "untag", Help: "Take names off an image."},
		{Path: "history", Help: "Show how an image was made."},
		{Path: "load", Help: "Read images from an archive."},
		{Path: "save", Help: "Write images to an archive."},
		{Path: "import", Help: "Make an image from a tar of a root file system."},
		{Path: "export", Help: "Write a container's root file system as a tar."},
		{Path: "commit", Help: "Make an image from a container's changes."},
		{Path: "diff", Help: "Show what a container or image changed."},
		{Path: "cp", Help: "Copy files between a container and the host."},
		{Path: "mount", Help: "Mount a container's root file system, inside coracle unshare."},
		{Path: "unmount", Help: "Unmount a container's root file system."},
		{Path: "umount", Is: "unmount"},
		{Path: "whoowns", Help: "Translate a path's owner between host and containers."},

		{Path: "image ls", Is: "images"},
		{Path: "image list", Is: "images"},
		{Path: "image pull", Is: "pull"},
		{Path: "image push", Is: "push"},
		{Path: "image rm", Is: "rmi"},
		{Path: "image remove", Is: "rmi"},
		{Path: "image tag", Is: "tag"},
		{Path: "image untag", Is: "untag"},
		{Path: "image history", Is: "history"},
		{Path: "image load", Is: "load"},
		{Path: "image save", Is: "save"},
		{Path: "image import", Is: "import"},
		{Path: "image search", Is: "search"},
		{Path: "image diff", Is: "diff"},
		{Path: "image inspect", Help: "Show everything about images."},
		{Path: "image tree", Help: "Show an image's layers, and who shares them."},
		{Path: "image prune", Help: "Remove images that nothing needs."},
		{Path: "image exists", Help: "Tell by the exit status whether an image is there."},
		{Path: "image mount", Help: "Mount images, inside coracle unshare."},
		{Path: "image unmount", Help: "Unmount images."},
		{Path: "image umount", Is: "image unmount"},
		{Path: "image sign-policy check", Help: "Tell whether the signature policy accepts an image."},

		{Path: "container commit", Is: "commit"},
		{Path: "container cp", Is: "cp"},
		{Path: "container diff", Is: "diff"},
		{Path: "container export", Is: "export"},
		{Path: "container mount", Is: "mount"},
		{Path: "container unmount", Is: "unmount"},
		{Path: "container umount", Is: "unmount"},

		{Path: "volume create", Help: "Make a volume."},
		{Path: "volume ls", Help: "List volumes."},
		{Path: "volume list", Is: "volume ls"},
		{Path: "volume inspect", Help: "Show everything about volumes."},
		{Path: "volume rm", Help: "Remove volumes."},
		{Path: "volume remove", Is: "volume rm"},
		{Path: "volume prune", Help: "Remove volumes that no container uses."},
		{Path: "volume exists", Help: "Tell by the exit status whether a volume is there."},
		{Path: "volume export", Help: "Write a volume as a tar."},
		{Path: "volume import", Help: "Fill a volume from a tar."},
		{Path: "volume mount", Help: "Print where volumes lie, for a shell inside coracle unshare."},
		{Path: "volume unmount", Help: "Undo volume mount."},
		{Path: "volume umount", Is: "volume unmount"},

		{Path: "system df", Help: "Show what takes space."},
		{Path: "system prune", Help: "Remove what nothing needs."},
		{Path: "system check", Help: "Look for damage in the store, and repair it with --repair."},
		{Path: "system reset", Help: "Remove everything: containers, images, volumes."},
	}
}

// Find looks up the command that the first words of args name; n is how many
// words that are. The longest path wins.
func Find(all []Verb, args []string) (v Verb, n int, ok bool) {
	for _, c := range all {
		words := strings.Fields(c.Path)
		if len(words) > n && len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			v, n, ok = c, len(words), true
		}
	}
	return v, n, ok
}

// Group returns the commands whose path begins with a noun.
func Group(all []Verb, noun string) (g []Verb) {
	for _, c := range all {
		if strings.HasPrefix(c.Path, noun+" ") {
			g = append(g, c)
		}
	}
	return g
}
