package launcher

// detachKeys looks for the keys that detach among what is typed. A beginning of
// them is kept back until it is known whether the rest follows.
type detachKeys struct {
	keys    []byte
	matched int
}

// feed takes what was typed and returns what the container is to get; over says
// that the keys were complete, and the rest is nobody's.
func (d *detachKeys) feed(b []byte) (pass []byte, over bool) {
	if len(d.keys) == 0 {
		return b, false
	}
	for _, c := range b {
		for d.matched > 0 && d.keys[d.matched] != c {
			// As much of the kept beginning as cannot be the keys any more.
			shorter := d.fallBack()
			pass = append(pass, d.keys[:d.matched-shorter]...)
			d.matched = shorter
		}
		if d.keys[d.matched] != c {
			pass = append(pass, c)
			continue
		}
		if d.matched++; d.matched == len(d.keys) {
			return pass, true
		}
	}
	return pass, false
}

// fallBack is the length of the longest shorter beginning of the keys with which
// what was matched ends.
func (d *detachKeys) fallBack() int {
	for n := d.matched - 1; n > 0; n-- {
		if string(d.keys[:n]) == string(d.keys[d.matched-n:d.matched]) {
			return n
		}
	}
	return 0
}
