package cgroup

import (
	"fmt"
	"testing"
)

func TestSteps(t *testing.T) {
	scope := &Place{Way: Systemd, Scope: "x.scope"}
	if got := fmt.Sprint(scope.Steps(nil)); got != "[[StartTransientUnit(x.scope) a scope of systemd with the supervisor in it] [mkdir x.scope/container the container's cgroup]]" {
		t.Error(got)
	}
	files := &Place{Way: Files, Group: Group{Unified: "/c/x"}}
	if got := fmt.Sprint(files.Steps(memoryLimit(5))); got != "[[mkdir /c/x the container's cgroup] [write /c/x/memory.max 5 --memory] [write /c/x/memory.swap.max 5 --memory-swap]]" {
		t.Error(got)
	}
}
