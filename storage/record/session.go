package record

import (
	"encoding/json"
	"fmt"
	"io"

	"coracle/userns"
)

// A Session is what a storage command (images, pull, cp, …) is told of the user
// it runs for: one JSON value on descriptor 3. The command itself is mapped root
// and could not find it out.
type Session struct {
	Version string // of the program that asks
	// Data and Run are the user's directories, storage.Paths.
	Data, Run string
	// UID and GID are the user's, outside of the base user namespace.
	UID, GID int
	User     string
	// UIDs and GIDs are the maps of the base user namespace, inside → host.
	UIDs, GIDs userns.IDMap
	// Unshared says that the command runs in the namespaces of coracle unshare, in
	// which mounts stay; Holder is the address of who keeps files open there.
	Unshared bool   `json:",omitempty"`
	Holder   string `json:",omitempty"`
}

// maxSession bounds a session, in bytes.
const maxSession = 1 << 20

// ReadSession reads what [Session.Write] wrote.
func ReadSession(r io.Reader) (*Session, error) {
	s := new(Session)
	if err := json.NewDecoder(io.LimitReader(r, maxSession)).Decode(s); err != nil {
		return nil, fmt.Errorf("cannot read the session: %w", err)
	}
	return s, nil
}

// Write writes the session as one JSON value.
func (s *Session) Write(w io.Writer) error { return json.NewEncoder(w).Encode(s) }
