package launcher

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"coracle/storage"
)

// sayer tells of work that may take a while: what it is, once it has taken long
// enough to be noticed, and on a terminal how far it is.
type sayer struct {
	w        io.Writer
	what     string
	terminal bool
	start    time.Time
	last     time.Time
	said     bool
}

// patience is how long nobody wonders what a program does.
const patience = 700 * time.Millisecond

func (r shiftRequest) sayer(what string) *sayer {
	s := &sayer{w: os.Stderr, what: what, start: time.Now(), terminal: term.IsTerminal(int(os.Stderr.Fd()))}
	if r.Quiet {
		s.w, s.terminal = io.Discard, false
	}
	return s
}

// now says it at once.
func (s *sayer) now() {
	if !s.said {
		fmt.Fprintln(s.w, "coracle: "+s.what)
	}
	s.said = true
}

func (s *sayer) note(text string) { fmt.Fprintln(s.w, "coracle: "+text) }

// progress is called by one worker at a time.
func (s *sayer) progress(p storage.ShiftProgress) {
	t := time.Now()
	if t.Sub(s.start) < patience {
		return
	}
	s.now()
	if !s.terminal || t.Sub(s.last) < 200*time.Millisecond {
		return
	}
	s.last = t
	fmt.Fprintf(s.w, "\r\x1b[Kcoracle: %d of %d: %d files, %d MB", p.Tree, p.Trees, p.Files, p.Bytes>>20)
}

func (s *sayer) end() {
	if !s.last.IsZero() {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
}
