package userns

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// runner runs a program and returns what it printed. The error is
// [exec.ErrNotFound] when there is none of that name.
type runner func(ctx context.Context, name string, args ...string) ([]byte, error)

// maxOutput bounds what is kept of a program's output, in bytes.
const maxOutput = 64 << 10

func runProgram(ctx context.Context, name string, args ...string) ([]byte, error) {
	path, err := findProgram(name)
	if err != nil {
		return nil, err
	}
	out := &head{}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = programEnv()
	cmd.Stdout = out
	err = cmd.Run()
	return out.buf.Bytes(), err
}

// findProgram looks in PATH and then where system programs are: PATH of a
// service or a cron job often lacks them.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	for _, dir := range []string{"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// programEnv is the environment of the programs run here: messages in
// English, because some are recognised, and nothing of the caller's, because
// others may read /proc/PID/environ of a helper.
func programEnv() []string {
	return []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
}

// head keeps the first maxOutput bytes written to it.
type head struct{ buf bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	if room := maxOutput - h.buf.Len(); room > 0 {
		h.buf.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
