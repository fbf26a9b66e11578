//go:build containers_image_openpgp

package engine

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
	"golang.org/x/sys/unix"
)

// A progress tells people how a pull goes: bars on a terminal, a line for each
// layer elsewhere, nothing when quiet. It has no colours. A nil progress is a
// quiet one.
type progress struct {
	out  io.Writer
	tty  bool
	cols int
	stop chan struct{}

	mu     sync.Mutex
	order  []*layerBar
	byName map[digest.Digest]*layerBar
	drawn  int // lines on the screen that the next drawing replaces
	ref    string
	status string // of the whole; "" while layers are fetched
}

// A layerBar is one layer's state.
type layerBar struct {
	name  string
	size  int64 // -1 unknown
	have  int64
	state string // "" while it is fetched and unpacked, else what it is instead
}

// redraw is how often bars move.
const redraw = 100 * time.Millisecond

// newProgress chooses the form by what out is.
func newProgress(out *os.File, quiet bool) *progress {
	if quiet {
		return nil
	}
	p := &progress{out: out}
	size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	if err == nil && os.Getenv("TERM") != "dumb" {
		p.tty, p.cols = true, int(size.Col)
	}
	return p
}

// start begins with an image whose layers are known.
func (p *progress) start(ref string, layers []types.BlobInfo) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ref, p.order, p.byName = printable(ref), nil, make(map[digest.Digest]*layerBar)
	total := int64(0)
	for _, l := range layers {
		if p.byName[l.Digest] == nil {
			b := &layerBar{name: l.Digest.Encoded()[:12], size: l.Size}
			p.order, p.byName[l.Digest] = append(p.order, b), b
			total += max(l.Size, 0)
		}
	}
	plural := "s"
	if len(p.order) == 1 {
		plural = ""
	}
	fmt.Fprintf(p.out, "fetching %s: %d layer%s, %s\n", p.ref, len(p.order), plural, bytesName(total))
	p.drawn, p.status = 0, ""
	if p.tty {
		if p.stop != nil {
			close(p.stop) // an image that failed, the next candidate is tried
		}
		p.stop = make(chan struct{})
		go p.tick(p.stop)
	}
}

func (p *progress) tick(stop chan struct{}) {
	t := time.NewTicker(redraw)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// reader counts what is read of a layer. A second try starts at zero.
func (p *progress) reader(d digest.Digest, r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.byName[d]
	b.have, b.state = 0, ""
	return &countingReader{p, b, r}
}

type countingReader struct {
	p *progress
	b *layerBar
	r io.Reader
}

func (c *countingReader) Read(buf []byte) (int, error) {
	n, err := c.r.Read(buf)
	c.p.mu.Lock()
	c.b.have += int64(n)
	c.p.mu.Unlock()
	return n, err
}

func (p *progress) fetched(d digest.Digest) { p.layer(d, "done") }
func (p *progress) reused(d digest.Digest)  { p.layer(d, "have it") }
func (p *progress) waiting(d digest.Digest) { p.layer(d, "another pull fetches it") }

func (p *progress) layer(d digest.Digest, state string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.byName[d]
	b.state = state
	if !p.tty {
		fmt.Fprintln(p.out, b.text(0))
	}
}

// phase says what happens to the image as a whole.
func (p *progress) phase(status string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
	if !p.tty {
		fmt.Fprintf(p.out, "%s %s\n", status, p.ref)
	}
}

// done ends the image's part; close ends everything, also after a failure.
func (p *progress) done() { p.phase("stored") }

func (p *progress) close() {
	if p == nil || p.stop == nil {
		return
	}
	close(p.stop)
	p.stop = nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw()
}

// draw replaces the last drawing. ECMA-48: CUU moves up, ED erases to the end.
func (p *progress) draw() {
	var s strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&s, "\x1b[%dA\x1b[J", p.drawn)
	}
	for _, b := range p.order {
		s.WriteString(b.text(p.cols))
		s.WriteByte('\n')
	}
	p.drawn = len(p.order)
	if p.status != "" {
		fmt.Fprintf(&s, "%s %s\n", p.status, p.ref)
		p.drawn++
	}
	io.WriteString(p.out, s.String())
}

// text is a layer's line, with a bar when there is room for one.
func (b *layerBar) text(cols int) string {
	size := b.size
	if b.state == "done" {
		size = b.have
	}
	line := "  " + b.name + "  " + b.state
	if b.state == "" {
		line = fmt.Sprintf("  %s  %s", b.name, bytesName(b.have))
		if size > 0 {
			line += " of " + bytesName(size)
		}
	} else if size >= 0 {
		line += ", " + bytesName(size)
	}
	const labels, narrowest = 44, 10
	if width := min(cols-labels, 40); width >= narrowest && b.state == "" && size > 0 {
		full := int(min(b.have, size) * int64(width) / size)
		line = fmt.Sprintf("%-42s[%s%s]", line, strings.Repeat("=", full), strings.Repeat(" ", width-full))
	}
	return line
}

// bytesName writes a size in the units that registries' pages use.
func bytesName(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
