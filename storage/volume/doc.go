// Package volume keeps volumes: directories with a name that containers share
// and that outlive them.
//
// It is linked into the program that starts containers, so it is light. Start
// with [Store], which finds, makes and removes volumes; [Claim], the fact by
// which a container says what it has mounted, from which "in use" is known; and
// [Store.Fill], which gives a volume on its first use what the image has in that
// place.
//
//	volumes/NAME/volume.json     the record
//	volumes/NAME/_data/          what containers see
//	scratch-volumes/ID/          the same, of a container that is thrown away
//
// A volume exists from one rename(2) to another. In both directories a name
// that begins with a dot is being made or removed, or was left so by a crash.
// There is no list and no counter of uses: [Store.Users] asks the containers.
//
// What lies in a volume is a container's and hostile. It is never reached by a
// joined path: every step goes from an open directory, following no link.
package volume
