package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/storage"
)

func statsExample() statsRow {
	id := strings.Repeat("0f", 32)
	at := time.Unix(1000, 0)
	return statsRow{
		c: &containers.Container{Dir: &storage.Dir{ID: id, Name: "web"}, Started: at.Add(-100 * time.Second)}, name: "web",
		before: &launcher.Sample{At: at.Add(-2 * time.Second), CPU: 5 * time.Second},
		now: &launcher.Sample{
			At: at, CPU: 8 * time.Second, System: time.Second, Memory: 1 << 20, Limit: 1 << 30, Read: 1200, Written: 34, Received: 656, Sent: 2_500_000, PIDs: 3,
		},
	}
}

func TestStatsFormats(t *testing.T) {
	r := statsExample()
	for format, want := range map[string]string{
		"{{.CPUPerc}} {{.AVGCPU}} {{.CPU}} {{.AvgCPU}}":             "150.00% 8.00% 150 8\n",
		"{{.MemUsage}} {{.MemPerc}} {{.MemLimit}}":                  "1MiB / 1GiB 0.10% 1073741824\n",
		"{{.MemUsageBytes}}":                                        "1MiB / 1GiB\n",
		"{{.NetIO}} {{.NetInput}} {{.NetOutput}}":                   "656B / 2.5MB 656 2500000\n",
		"{{.BlockIO}} {{.BlockInput}} {{.BlockOutput}}":             "1.2kB / 34B 1200 34\n",
		"{{.PIDs}} {{.PIDS}} {{.UpTime}} {{.Up}}":                   "3 3 8s 8s\n",
		"{{.CPUNano}} {{.CPUSystemNano}} {{.Duration}}":             "8000000000 1000000000 8000000000\n",
		"{{.SystemNano}}":                                           "1000000000000\n",
		"{{.ID}} {{.Name}} {{.Container}}":                          "0f0f0f0f0f0f web web\n",
		"{{.ContainerID}}":                                          strings.Repeat("0f", 32) + "\n",
		"table {{.CPUPerc}}\\t{{.PIDS}}\\t{{.UpTime}}\\t{{.NetIO}}": "CPU %     PIDS      CPU TIME  NET I/O\n150.00%   3         8s        656B / 2.5MB\n",
		"": "CONTAINER ID  NAME      CPU %     MEM USAGE / LIMIT  MEM %     NET I/O       BLOCK I/O    PIDS\n" +
			"0f0f0f0f0f0f  web       150.00%   1MiB / 1GiB        0.10%     656B / 2.5MB  1.2kB / 34B  3\n",
	} {
		w := &statsWatch{StatsCmd: &StatsCmd{Format: format}}
		if got, err := w.render([]statsRow{r}); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", format, got, err)
		}
	}
}

func TestStatsUnknown(t *testing.T) {
	r := statsExample()
	r.before = nil
	if r.CPUPerc() != "0.00%" || r.AVGCPU() != "8.00%" {
		t.Errorf("the first time: %s, %s", r.CPUPerc(), r.AVGCPU())
	}
	r.now.Limit = 0
	r.now.Why = map[string]string{launcher.WhyNet: "x", launcher.WhyIO: "y"}
	if r.MemPerc() != "0.00%" || r.NetIO() != "-- / --" || r.BlockIO() != "-- / --" || r.MemUsage() != "1MiB / 0B" {
		t.Errorf("%s, %s, %s, %s", r.MemPerc(), r.NetIO(), r.BlockIO(), r.MemUsage())
	}
	// A counter that went back, as that of processes without a group may, is no negative share.
	r = statsExample()
	r.now.CPU = time.Second
	if r.CPU() != 0 {
		t.Error(r.CPU())
	}
	r.now = nil
	if r.CPUPerc()+r.MemUsage()+r.NetIO()+r.Up() != "---- / ---- / ----" || r.PIDs() != 0 || r.SystemNano() != 0 || r.AvgCPU() != 0 {
		t.Errorf("it does not run: %s %s %s %s", r.CPUPerc(), r.MemUsage(), r.NetIO(), r.Up())
	}
	r.name, r.whole = r.c.ID, true
	if r.Container() != r.c.ID || r.ID() != r.c.ID {
		t.Error(r.Container())
	}
}

// podman's keys and docker's say the same: what decodes without regard to case finds
// both.
func TestStatsJSON(t *testing.T) {
	w := &statsWatch{StatsCmd: &StatsCmd{Format: "json"}}
	b, err := w.render([]statsRow{statsExample()})
	if err != nil {
		t.Fatal(err)
	}
	var podman []struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		CPUTime    string `json:"cpu_time"`
		CPUPercent string `json:"cpu_percent"`
		AverageCPU string `json:"avg_cpu"`
		MemUsage   string `json:"mem_usage"`
		MemPerc    string `json:"mem_percent"`
		NetIO      string `json:"net_io"`
		BlockIO    string `json:"block_io"`
		Pids       string `json:"pids"`
	}
	var docker []struct{ BlockIO, CPUPerc, Container, ID, MemPerc, MemUsage, Name, NetIO, PIDs string }
	if err := json.Unmarshal(b, &podman); err != nil || len(podman) != 1 {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &docker); err != nil || len(docker) != 1 {
		t.Fatal(err)
	}
	p, d := podman[0], docker[0]
	if p.ID != d.ID || p.Name != "web" || p.CPUPercent != "150.00%" || p.AverageCPU != "8.00%" || p.CPUTime != "8s" || p.Pids != "3" || p.MemUsage != d.MemUsage || p.MemPerc != d.MemPerc || p.NetIO != d.NetIO || p.BlockIO != "1.2kB / 34B" {
		t.Errorf("%+v", p)
	}
	if d.CPUPerc != p.CPUPercent || d.PIDs != p.Pids || d.BlockIO != p.BlockIO || d.Container != "web" || d.Name != "web" {
		t.Errorf("%+v", d)
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[uint64][2]string{
		0: {"0B", "0B"}, 999: {"999B", "999B"}, 1000: {"1000B", "1kB"}, 1024: {"1KiB", "1.02kB"}, 5 << 20: {"5MiB", "5.24MB"}, 1<<64 - 1: {"16EiB", "18.4EB"},
	} {
		if b, d := binarySize(n), decimalSize(n); b != want[0] || d != want[1] {
			t.Errorf("%d: %s, %s", n, b, d)
		}
	}
}

func TestStatsAsks(t *testing.T) {
	for format, want := range map[string]bool{
		"": true, "table": true, "json": true, "{{json .}}": true, "{{.NetIO}}": true, "table {{.NetInput}}": true, "{{.Name}}": false, "table {{.CPUPerc}}": false,
	} {
		if got := (&statsWatch{StatsCmd: &StatsCmd{Format: format}}).asks([]string{"Net"}); got != want {
			t.Errorf("%q: %v", format, got)
		}
	}
}

// On a terminal each line is written over the one that was there.
func TestRedraw(t *testing.T) {
	if got := string(redraw([]byte("a\nb\n"), true)); got != "\x1b[2J\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J" {
		t.Errorf("%q", got)
	}
	if got := string(redraw(nil, false)); got != "\x1b[H\x1b[J" {
		t.Errorf("%q", got)
	}
}

func TestCidOf(t *testing.T) {
	id := strings.Repeat("0f", 32)
	for text, want := range map[string]string{id: id, id + "\n": id, "": "", "web": "", id + " " + id: "", id[1:]: ""} {
		file := filepath.Join(t.TempDir(), "cid")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := cidOf(file); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := cidOf("/nonexistent"); err == nil {
		t.Error("a file that is not there")
	}
}
