package cgroup

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// EngineVerb is the image engine's hidden command for what files alone cannot do.
// It reads an [Order] from standard input and writes an [Outcome], both as JSON.
const EngineVerb = "cgroup"

// Order is one request to the engine; exactly one of its parts is there.
type Order struct {
	Scope *Scope    `json:",omitempty"`
	V1    *V1Limits `json:",omitempty"`
}

// Scope asks systemd for a transient scope with a process in it, handed over to the
// user (systemd.resource-control(5), Delegate).
type Scope struct {
	// Bus is the socket of the manager's bus.
	Bus         string
	Name, Slice string
	Description string
	PID         int
}

// V1Limits asks for limits in version 1 hierarchies, by controller.
type V1Limits struct {
	Dirs      map[string]string
	Resources *specs.LinuxResources
}

// Outcome is the engine's answer.
type Outcome struct {
	Error string `json:",omitempty"`
}
