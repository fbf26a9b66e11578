package intent

import "reflect"

// Any tells whether a limit was asked for, even "none".
func (l *Limits) Any() bool { return !reflect.ValueOf(*l).IsZero() }

// Update takes over what with asks for. Two flags that say the same thing in two
// ways replace each other: the last one counts.
func (l *Limits) Update(with *Limits) {
	if with.CPUs != "" {
		l.CPUQuota, l.CPUPeriod = nil, nil
	}
	if with.CPUQuota != nil || with.CPUPeriod != nil {
		l.CPUs = ""
	}
	if with.Memory == "0" || with.Memory == "-1" {
		l.MemorySwap = "" // a limit of both needs one of memory
	}
	to, from := reflect.ValueOf(l).Elem(), reflect.ValueOf(with).Elem()
	for i := range from.NumField() {
		if f := from.Field(i); !f.IsZero() {
			to.Field(i).Set(f)
		}
	}
}
