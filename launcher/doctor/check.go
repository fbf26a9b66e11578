package doctor

// Status is the verdict on one feature.
type Status string

// The verdicts, from best to worst.
const (
	OK   Status = "ok"   // works
	Warn Status = "warn" // containers run, something is lost: see Cost
	Fail Status = "fail" // `coracle run` does not work before Fix is done
)

// Check is the verdict on one feature of this host.
type Check struct {
	Name   string `json:"name"`           // a feature's Name, stable between releases
	Status Status `json:"status"`         //
	Detail string `json:"detail"`         // what was seen, one line
	Cost   string `json:"cost,omitempty"` // what is lost; empty when ok
	Fix    string `json:"fix,omitempty"`  // what to type or write, perhaps several lines; empty when ok or when nothing helps
}

// Report is what `coracle doctor --json` prints.
type Report struct {
	Version int     `json:"version"` // of this format: 1
	Status  Status  `json:"status"`  // the worst of all checks
	Checks  []Check `json:"checks"`
}

// NewReport wraps checks for printing as JSON.
func NewReport(checks []Check) Report {
	return Report{Version: 1, Status: Worst(checks), Checks: checks}
}

// Worst returns the gravest status among checks, OK when there are none.
func Worst(checks []Check) Status {
	worst := OK
	for _, c := range checks {
		if c.Status == Fail || c.Status == Warn && worst == OK {
			worst = c.Status
		}
	}
	return worst
}

// Exit returns the exit status for checks: 1 when any failed, else 0.
func Exit(checks []Check) int {
	if Worst(checks) == Fail {
		return 1
	}
	return 0
}
