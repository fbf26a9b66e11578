package launcher

import (
	"encoding/binary"
	"encoding/json"

	"coracle/userns/tape"
)

// encodeRestart appends when the container is run again, and what is checked.
func (r *request) encodeRestart(b []byte) []byte {
	b = binary.AppendUvarint(putString(b, r.Restart.Name), uint64(r.Restart.Max))
	if r.Health == nil {
		return append(b, 0)
	}
	asked, _ := json.Marshal(r.Health) // plain values
	b = putString(append(b, 1), string(asked))
	for _, ops := range [][]tape.Op{r.Health.check, r.Health.startup} {
		b = putString(b, string(tape.Append(nil, ops)))
	}
	return b
}

func (r *request) decodeRestart(d *reader) {
	r.Restart.Name, r.Restart.Max = d.str(), int(d.num(1<<31-1))
	if d.num(1) == 0 {
		return
	}
	r.Health = &healthRequest{}
	if json.Unmarshal([]byte(d.str()), r.Health) != nil || r.Health.Check == nil {
		d.bad = true
	}
	for _, ops := range []*[]tape.Op{&r.Health.check, &r.Health.startup} {
		var rest []byte
		var err error
		if *ops, rest, err = tape.Decode([]byte(d.str())); err != nil || len(rest) > 0 {
			d.bad = true
		}
	}
	if r.Health.Startup != nil && len(r.Health.startup) == 0 || len(r.Health.check) == 0 {
		d.bad = true
	}
}
