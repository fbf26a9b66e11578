package launcher

import (
	"encoding/json"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/storage"
)

// renewPolicy takes up the restart policy that `coracle update` has written down
// since the container was started. One that cannot be read changes nothing.
func (s *supervisor) renewPolicy() {
	if !s.req.Keep {
		return
	}
	b, err := (&storage.Dir{Path: s.req.Dir}).ReadFact(containers.IntentFact)
	if err != nil {
		return
	}
	var i containers.Intent
	if json.Unmarshal(b, &i) != nil {
		return
	}
	if p, err := (&intent.RestartFlags{Restart: i.Restart}).Policy(); err == nil {
		s.req.Restart = p
	}
}
