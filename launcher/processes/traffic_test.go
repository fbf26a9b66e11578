package processes

import (
	"os"
	"testing"
)

const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1000000    7    0    0    0     0          0         0  1000000       7    0    0    0     0       0          0
  eth0:   500       5    0    0    0     0          0         0     60       1    0    0    0     0       0          0
tap0:1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0
eth0:1: 10 0 0 0 0 0 0 0 20 0 0 0 0 0 0 0
`

func TestParseDev(t *testing.T) {
	if in, out := parseDev(dev); in != 511 || out != 82 {
		t.Errorf("%d in, %d out", in, out)
	}
	for _, bad := range []string{"", "eth0:", "eth0: 1 2 3", "eth0: x 0 0 0 0 0 0 0 5", "eth0: -1 0 0 0 0 0 0 0 5", "eth0: 5 0 0 0 0 0 0 0 y"} {
		if in, out := parseDev(bad); in != 0 || out != 0 {
			t.Errorf("%q: %d in, %d out", bad, in, out)
		}
	}
}

func TestTraffic(t *testing.T) {
	if _, _, err := Traffic(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, _, err := Traffic(1 << 30); err == nil {
		t.Error("of nobody")
	}
}

func FuzzParseDev(f *testing.F) {
	f.Add(dev)
	f.Fuzz(func(_ *testing.T, s string) { parseDev(s) })
}
