package userns

// Maps is the user namespace of a container, the answer of [Grant.Container].
type Maps struct {
	// UIDs and GIDs are the maps to write to the container's own user namespace,
	// a child of the base namespace: from container ids to base ids, cut as the
	// kernel wants them. Empty with Host or Join.
	UIDs, GIDs IDMap
	// Host is set when the container has no user namespace of its own.
	Host bool
	// Join is the id or name of the container whose user namespace to enter, "".
	Join string
	// KeepID is set when the user should keep its identity: the process is to
	// run as UID and GID unless another user was asked for.
	KeepID bool
	// UID and GID are the container ids of the calling user with KeepID.
	UID, GID uint32
}

// Identity tells whether every container id is the base id of the same number,
// so that layers can be used as they lie in the store. Of a container to be
// joined nothing is known: false.
func (m Maps) Identity() bool {
	return m.Join == "" && (m.Host || m.UIDs.Identity() && m.GIDs.Identity())
}

// ShiftUID returns the base uid that a file must have on disk to appear in the
// container as owned by id, an owner in an image layer; false when the
// container has no such uid.
func (m Maps) ShiftUID(id uint32) (uint32, bool) {
	if m.Host {
		return id, true
	}
	return m.UIDs.ToOutside(id)
}

// ShiftGID is [Maps.ShiftUID] for groups.
func (m Maps) ShiftGID(id uint32) (uint32, bool) {
	if m.Host {
		return id, true
	}
	return m.GIDs.ToOutside(id)
}
