package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogCommand(t *testing.T) {
	argv, exact := logCommand(10_000_000)
	out, err := exec.Command("sh", "-c", strings.ReplaceAll(argv[2], "/tmp/block", filepath.Join(t.TempDir(), "block"))).Output()
	if err != nil || int64(len(out)) != exact || !bytes.HasPrefix(out, []byte(logLine+"\n")) || exact < 9_000_000 || exact > 10_000_000 {
		t.Errorf("%v, %d bytes, %d promised", err, len(out), exact)
	}
}

func TestThroughputTable(t *testing.T) {
	list := []Throughput{
		{Program: "coracle", Driver: "k8s-file", Bytes: 1e9, Wall: 2, CPU: 3, Reader: 1},
		{Program: "podman", Driver: "k8s-file", Bytes: 1e9, Wall: 20, CPU: 30, Reader: 10},
	}
	var b bytes.Buffer
	p := &printer{w: &b}
	p.throughput(list)
	if got := b.String(); !strings.Contains(got, "coracle") || !strings.Contains(got, "500") || !strings.Contains(got, "cpu/GB") {
		t.Error(got)
	}
	targets := logTargets(list)
	if len(targets) != 1 || targets[0].Value != 0.1 {
		t.Errorf("%+v", targets)
	}
	if logTargets(list[:1]) != nil || logTargets(nil) != nil {
		t.Error("a target without a peer")
	}
}
