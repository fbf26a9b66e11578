package cgroup

// VisitThread is [Held.EnterThread] until leave is called, by the same thread. A
// thread of another process that stayed would be frozen with the container: its
// process could not stop its threads for a collection of garbage, nor end.
func (h *Held) VisitThread() (leave func(), err error) {
	if h == nil || len(h.V1) == 0 {
		return func() {}, nil
	}
	home, err := Of(0) // the process's first thread: it never left
	if err != nil {
		return nil, err
	}
	leave = func() {
		for _, dir := range home.V1 {
			_ = setFile(dir, "tasks", "0") // where it has not been, nothing changes
		}
	}
	if err := h.EnterThread(); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}
