package stack

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// mostGather bounds the datagrams of one call: as many as make one packet for
	// the container when they fill an Ethernet frame each.
	mostGather = 44
	// mostRun is the bytes of that packet, without headers.
	mostRun = 64000
	// leastGuess and mostGuess bound the size that is expected: that of a datagram on
	// any usual link.
	leastGuess, mostGuess = 64, 9000
)

// mmsghdr is a struct mmsghdr (recvmmsg(2)).
type mmsghdr struct {
	unix.Msghdr
	n uint32
}

// gather reads many datagrams with one call, so that those of one size lie one
// behind the other and can go on as one packet without being copied. For that
// their size has to be known before; what is longer than the guess continues in
// room of its own.
type gather struct {
	headers  [mostGather]mmsghdr
	vecs     [mostGather][2]unix.Iovec
	names    [mostGather]unix.RawSockaddrAny
	controls [mostGather][64]byte
	slots    []byte // of guess bytes each
	rest     []byte // 64 KiB each: pages that nobody touches cost nothing
	guess    int
}

const restSize = 64 << 10

// open makes the room when the first datagram comes: many containers never see one.
func (g *gather) open() bool {
	if g.rest != nil {
		return true
	}
	var err error
	if g.rest, err = unix.Mmap(-1, 0, mostGather*restSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
		return false
	}
	g.slots, g.guess = make([]byte, mostRun), 1400
	return true
}

func (g *gather) close() {
	if g.rest != nil {
		_ = unix.Munmap(g.rest)
		g.rest = nil
	}
}

// receive reads what is there, as far as there is room.
func (g *gather) receive(fd int) (n int, err unix.Errno) {
	if !g.open() {
		return 0, unix.ENOMEM
	}
	m := min(mostGather, mostRun/g.guess)
	for i := range m {
		h, v := &g.headers[i], &g.vecs[i]
		v[0].Base, v[1].Base = &g.slots[i*g.guess], &g.rest[i*restSize]
		v[0].SetLen(g.guess)
		v[1].SetLen(restSize)
		h.Iov, h.Name, h.Control = &v[0], (*byte)(unsafe.Pointer(&g.names[i])), &g.controls[i][0]
		h.Namelen = uint32(unsafe.Sizeof(g.names[i]))
		h.SetIovlen(2)
		h.SetControllen(len(g.controls[i]))
	}
	r, _, err := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&g.headers)), uintptr(m), unix.MSG_DONTWAIT, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(r), 0
}

// run is one datagram, or several of one size from one sender, of which the last
// may be shorter.
type run struct {
	from   netip.AddrPort
	a, b   []byte // the bytes; b follows a
	each   int    // the size of one, 0: there is one
	number int    // of messages that the run is made of
}

// segment is the size of the datagrams that the i-th message stands for (UDP_GRO,
// udp(7)), 0 when it is one.
func (g *gather) segment(i int) (each int) {
	h := &g.headers[i]
	if h.Controllen == 0 {
		return 0
	}
	control(g.controls[i][:min(int(h.Controllen), len(g.controls[i]))], func(level, kind int32, data []byte) {
		if level == unix.IPPROTO_UDP && kind == unix.UDP_GRO && len(data) >= 4 {
			each = int(binary.NativeEndian.Uint32(data))
		}
	})
	return each
}

// run puts together what begins at the i-th of n messages.
func (g *gather) run(i, n int) run {
	size := int(g.headers[i].n)
	r := run{from: address(&g.names[i]), each: g.segment(i), number: 1}
	slot := g.slots[i*g.guess:]
	if size > g.guess {
		r.a, r.b = slot[:g.guess], g.rest[i*restSize:][:size-g.guess]
		return r
	}
	total := size
	for j := i + 1; r.each == 0 && size == g.guess && j < n; j++ {
		if size = int(g.headers[j].n); size > g.guess || size == 0 || g.segment(j) > 0 || address(&g.names[j]) != r.from {
			break
		}
		total += size
		r.number++
	}
	if r.a = slot[:total]; r.number > 1 {
		r.each = g.guess
	}
	return r
}

// learn guesses the size of what comes next: that of the longest of n messages.
func (g *gather) learn(n int) {
	longest := 0
	for i := range n {
		if size := int(g.headers[i].n); size <= mostGuess && g.segment(i) == 0 {
			longest = max(longest, size)
		}
	}
	if longest > 0 {
		g.guess = max(longest, leastGuess)
	}
}
