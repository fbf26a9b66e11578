//go:build containers_image_openpgp

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"coracle/launcher/cgroup"
)

// cgroupTime bounds how long systemd may take to make a scope; a busy machine
// takes a tenth of a second.
const cgroupTime = 20 * time.Second

// maxOrder bounds an order: a few limits for each block device.
const maxOrder = 1 << 20

// cgroupMain is the hidden command [cgroup.EngineVerb]. It runs in the caller's own
// namespaces: a bus believes only the user's own uid.
func cgroupMain() int {
	var order cgroup.Order
	err := json.NewDecoder(io.LimitReader(os.Stdin, maxOrder)).Decode(&order)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), cgroupTime)
		defer cancel()
		err = cgroupDo(ctx, order)
	}
	var out cgroup.Outcome
	if err != nil {
		out.Error = err.Error()
	}
	if json.NewEncoder(os.Stdout).Encode(out) != nil || err != nil {
		return exitFailed
	}
	return 0
}

func cgroupDo(ctx context.Context, o cgroup.Order) error {
	switch {
	case o.Scope != nil && o.V1 == nil:
		return makeScope(ctx, *o.Scope)
	case o.V1 != nil && o.Scope == nil:
		return setV1(*o.V1)
	}
	return errors.New("an order for a cgroup has one part")
}
