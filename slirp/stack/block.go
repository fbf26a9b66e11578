package stack

// blockSize is that of the pieces in which bytes are kept; a connection at rest
// has none.
const blockSize = 32 << 10

type block [blockSize]byte

// pool are the blocks of all connections. A container that does not read, or
// peers that do not, cannot make it grow beyond most.
type pool struct {
	free []*block
	used int
	most int
}

// spare is how many unused blocks are kept for the next burst.
const spare = 64

// get returns nil when there is no block any more.
func (p *pool) get() *block {
	if p.used >= p.most {
		return nil
	}
	p.used++
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return new(block)
}

func (p *pool) put(b *block) {
	p.used--
	if len(p.free) < spare {
		p.free = append(p.free, b)
	}
}

// low tells that blocks should be used sparingly.
func (p *pool) low() bool { return p.used > p.most/2 }

// window is a stretch of a byte stream, kept in blocks. Its bytes are called by
// their distance from its begin, which moves as they are done with. There may be
// holes; who uses it knows where.
type window struct {
	blocks []*block // nil where nothing was written yet
	skip   int      // bytes of the first block that are done with
}

// at is the room from off to the end of a block; nil when the pool is empty.
func (w *window) at(p *pool, off int) []byte {
	off += w.skip
	i := off / blockSize
	for len(w.blocks) <= i {
		w.blocks = append(w.blocks, nil)
	}
	if w.blocks[i] == nil {
		if w.blocks[i] = p.get(); w.blocks[i] == nil {
			return nil
		}
	}
	return w.blocks[i][off%blockSize:]
}

// write puts bytes at off and returns how many found room.
func (w *window) write(p *pool, off int, b []byte) (n int) {
	for n < len(b) {
		room := w.at(p, off+n)
		if room == nil {
			return n
		}
		n += copy(room, b[n:])
	}
	return n
}

// pieces appends the n bytes from off, which must have been written, to list.
func (w *window) pieces(list [][]byte, off, n int) [][]byte {
	off += w.skip
	for n > 0 {
		b := w.blocks[off/blockSize][off%blockSize:]
		b = b[:min(len(b), n)]
		list = append(list, b)
		off, n = off+len(b), n-len(b)
	}
	return list
}

// advance moves the begin by n bytes.
func (w *window) advance(p *pool, n int) {
	w.skip += n
	done := min(w.skip/blockSize, len(w.blocks))
	if done == 0 {
		return
	}
	for _, b := range w.blocks[:done] {
		if b != nil {
			p.put(b)
		}
	}
	rest := copy(w.blocks, w.blocks[done:])
	clear(w.blocks[rest:])
	w.blocks = w.blocks[:rest]
	w.skip -= done * blockSize
}

// release gives everything back. The next byte is the first again.
func (w *window) release(p *pool) {
	for _, b := range w.blocks {
		if b != nil {
			p.put(b)
		}
	}
	*w = window{}
}

// rest gives the blocks back when nothing is kept in them.
func (w *window) rest(p *pool) {
	if len(w.blocks) == 0 {
		w.skip = 0
		return
	}
	w.release(p)
}
