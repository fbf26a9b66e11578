package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// testReport is a report of round numbers.
func testReport() *Report {
	row := func(name string, median float64) Row {
		return Row{Name: name, Summary: Summary{Rounds: 30, Median: median, Min: median - 1, Gone: median + 1, CPU: 2}, Ratio: median / 10}
	}
	store := func(size int, median float64) Store {
		return Store{size, Summary{Rounds: 30, Median: median, Min: 9, Gone: 12, CPU: 3}, Summary{Rounds: 6, Median: 40, Min: 38}}
	}
	return &Report{
		Host: Host{
			Date: time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC), Kernel: "6.12.1", Arch: "amd64", CPUs: 2, CPU: "Some CPU",
			Store: "ext4", Before: "0.10 0.20 0.30", After: "1.00 0.50 0.40",
		},
		Image:   "coracle/base",
		Peers:   []Peer{{Name: "coracle", Version: "coracle version 1"}, {Name: "podman", Version: "podman 4"}, {Name: "bwrap", Absent: "not installed"}},
		One:     []Row{row("coracle", 10), row("podman", 100), row("crun", 12.5)},
		Batches: []Batch{{10, []Row{row("coracle", 50)}}},
		Memory: []Memory{
			{"coracle", "coracle-supervisor", 1, 1, 5.4, 3.2, 1},
			{"coracle", "coracle-supervisor", 20, 20, 5.4, 1.4, 1},
			{"bwrap", "bwrap", 20, 40, 3.8, 0.4, 0.1},
		},
		Stores: []Store{store(1, 10), store(100, 11), store(1000, 12)},
		Notes:  []string{"podman leaves running, and is allowed to: [catatonit]"},
	}
}

func TestReportText(t *testing.T) {
	r := testReport()
	r.Targets = r.targets()
	var out strings.Builder
	check(t, r.write(&out))
	want := `coracle-bench, 2026-03-01 12:30 +0000
machine  Linux 6.12.1 amd64, 2 CPUs Some CPU
load     0.10 0.20 0.30 before, 1.00 0.50 0.40 after
image    coracle/base, on ext4
coracle  coracle version 1
podman   podman 4
bwrap    takes no part: not installed

one run of true, warm store, no network (ms, 30 rounds)
         median   min  gone   cpu  to coracle
coracle    10.0  9.00  11.0  2.00      1.00 ×
podman      100  99.0   101  2.00      10.0 ×
crun       12.5  11.5  13.5  2.00      1.25 ×

10 at once, until the last has answered (ms, 30 rounds)
         median   min  gone   cpu  to coracle
coracle    50.0  49.0  51.0  2.00      5.00 ×

memory for each running container (MB)
         process             running  resident  proportional  private
coracle  coracle-supervisor        1      5.40          3.20     1.00
coracle  coracle-supervisor       20      5.40          1.40     1.00
bwrap    bwrap (40)               20      3.80          0.40     0.10

coracle's start with so many images and as many stopped containers (ms, 30 rounds; 6 with the engine)
      median   min  gone   cpu  to first  engine asked   min
   1    10.0  9.00  12.0  3.00    1.00 ×          40.0  38.0
 100    11.0  9.00  12.0  3.00    1.10 ×          40.0  38.0
1000    12.0  9.00  12.0  3.00    1.20 ×          40.0  38.0

targets
one run, against crun                              0.80 ×    ≤ 1 ×  met               stretch 0.5 ×: missed by 0.30 ×
one run, faster than podman                        10.0 ×   ≥ 15 ×  missed by 5.00 ×
proportional memory of a supervisor, 20 running   1.40 MB   ≤ 6 MB  met               stretch 2 MB: met
start with 1000 images and containers, against 1   1.20 ×  ≤ 1.1 ×  missed by 0.10 ×

notes
  podman leaves running, and is allowed to: [catatonit]
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if err := r.write(failing{}); err == nil {
		t.Error("a full disk is no error")
	}
}

// A report in which nothing could be compared is still one.
func TestReportEmpty(t *testing.T) {
	var out strings.Builder
	r := &Report{}
	r.Targets = r.targets()
	check(t, r.write(&out))
	if got := strings.Count(out.String(), "not measured"); got != 4 {
		t.Errorf("%d targets were not measured:\n%s", got, out.String())
	}
}

func TestReportJSON(t *testing.T) {
	r := testReport()
	r.Targets = r.targets()
	data, err := json.Marshal(r)
	check(t, err)
	var back Report
	check(t, json.Unmarshal(data, &back))
	again, err := json.Marshal(back)
	check(t, err)
	if !bytes.Equal(data, again) {
		t.Errorf("%s\nis read as\n%s", data, again)
	}
	for _, key := range []string{`"median_ms":12.5`, `"ratio_to_coracle":`, `"pss_mb":1.4`, `"engine_asked":`, `"stretch_verdict":"met"`} {
		if !bytes.Contains(data, []byte(key)) {
			t.Errorf("no %s in %s", key, data)
		}
	}
}

func TestRowsOf(t *testing.T) {
	one := func(d time.Duration) []sample { return []sample{{Wall: d}} }
	rows := rowsOf([]series{
		{name: "coracle", samples: one(4 * time.Millisecond)},
		{name: "broken", err: errors.New("no")},
		{name: "crun", samples: one(8 * time.Millisecond)},
	})
	if len(rows) != 2 || rows[0].Ratio != 1 || rows[1].Name != "crun" || rows[1].Ratio != 2 {
		t.Errorf("rows are %+v", rows)
	}
	if got := find(rows, "broken"); got != (Row{}) {
		t.Errorf("found %+v", got)
	}
}
