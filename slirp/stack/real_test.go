package stack

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestIperfDev(t *testing.T) {
	if os.Getenv("DEV") == "" {
		t.Skip("dev")
	}
	g := newGuest(t, 1500)
	srv := exec.Command("iperf3", "-s", "-p", "5301", "-1", "-B", "127.0.0.1")
	srv.Start()
	time.Sleep(300 * time.Millisecond)
	t.Log(g.run("iperf3", "-c", "198.51.100.7", "-p", "5301", "-t", "3"))
	srv.Wait()
	srv = exec.Command("iperf3", "-s", "-p", "5302", "-1", "-B", "127.0.0.1")
	srv.Start()
	time.Sleep(300 * time.Millisecond)
	t.Log(g.run("iperf3", "-c", "198.51.100.7", "-p", "5302", "-t", "3", "-R"))
	srv.Wait()
}
