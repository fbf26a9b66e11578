//go:build containers_image_openpgp

package transfer

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// A Progress says how a transfer goes, in podman's words: a line for each blob
// when it is done, and on a terminal one more line, drawn over and over, for
// those on their way. A nil Progress is silent.
type Progress struct {
	out  io.Writer
	cols int // 0: no terminal

	mu    sync.Mutex
	going []*flow
	drawn bool
	last  time.Time
}

// redraw is how often the line moves at most.
const redraw = 100 * time.Millisecond

// NewProgress chooses the form by what out is.
func NewProgress(out *os.File) *Progress {
	p := &Progress{out: out}
	if size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ); err == nil && os.Getenv("TERM") != "dumb" {
		p.cols = int(size.Col)
	}
	return p
}

// Say prints a line.
func (p *Progress) Say(format string, args ...any) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line(fmt.Sprintf(format, args...))
}

func (p *Progress) line(s string) {
	if p.drawn {
		io.WriteString(p.out, "\r\x1b[K") // ECMA-48: erase to the end of the line
		p.drawn = false
	}
	fmt.Fprintln(p.out, s)
}

// blob says that a blob needs no transfer, or is done.
func (p *Progress) blob(d digest.Digest, state string) {
	p.Say("Copying blob %.12s %s", d.Encoded(), state)
}

// A flow is a blob on its way.
type flow struct {
	io.Reader
	p    *Progress
	name string
	size int64 // -1 unknown
	have int64
}

// follow counts what is read of a blob until end is called.
func (p *Progress) follow(d digest.Digest, size int64, in io.Reader) (r io.Reader, end func()) {
	if p == nil || p.cols == 0 {
		return in, func() {}
	}
	f := &flow{Reader: in, p: p, name: d.Encoded()[:12], size: size}
	p.mu.Lock()
	p.going = append(p.going, f)
	p.mu.Unlock()
	return f, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range p.going {
			if p.going[i] == f {
				p.going = append(p.going[:i], p.going[i+1:]...)
				break
			}
		}
	}
}

func (f *flow) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.have += int64(n)
	if now := time.Now(); now.Sub(f.p.last) >= redraw {
		f.p.last = now
		f.p.draw()
	}
	return n, err
}

func (p *Progress) draw() {
	var parts []string
	for _, f := range p.going {
		text := f.name + " " + megabytes(f.have)
		if f.size > 0 {
			text += fmt.Sprintf(" of %s, %d%%", megabytes(f.size), min(f.have*100/f.size, 100))
		}
		parts = append(parts, text)
	}
	s := strings.Join(parts, "   ")
	fmt.Fprintf(p.out, "\r\x1b[K%.*s", max(p.cols-1, 0), s)
	p.drawn = true
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
