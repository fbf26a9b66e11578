package launcher

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// journalSocket is where journald takes entries in its native protocol
// (systemd.io/JOURNAL_NATIVE_PROTOCOL).
const journalSocket = "/run/systemd/journal/socket"

// maxJournalLine bounds a line, in bytes; a longer one becomes several entries, as
// with conmon.
const maxJournalLine = 512 << 10

// journal sends a container's output to journald, a line an entry, with docker's
// and podman's fields.
type journal struct {
	fd     int
	socket string
	common []byte // the fields that all entries have

	mu   sync.Mutex
	part [3][]byte // a line's beginning, by stream
}

// openLog opens the log that was asked for.
func (s *supervisor) openLog() (sink, error) {
	if s.req.Log.Driver != "journald" {
		return openLog(s.req.Dir, s.req.Log)
	}
	id := filepath.Base(s.req.Dir)
	return openJournal(journalSocket, map[string]string{
		"CONTAINER_ID": id[:min(12, len(id))], "CONTAINER_ID_FULL": id, "CONTAINER_NAME": s.req.Name, "CONTAINER_TAG": s.req.Log.Tag,
		"IMAGE_NAME": s.req.ImageName, "SYSLOG_IDENTIFIER": identifier(s.req.Log.Tag, s.req.Name),
	})
}

// identifier is what journalctl shows before each message.
func identifier(tag, name string) string {
	if tag != "" {
		return tag
	}
	return name
}

func openJournal(socket string, fields map[string]string) (*journal, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a socket: %w", err)
	}
	j := &journal{fd: fd, socket: socket}
	for k, v := range fields {
		if v != "" {
			j.common = appendField(j.common, k, []byte(v))
		}
	}
	// Entries name the socket all the same: journald may be started anew.
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("--log-driver journald: no journal is kept here: %s: %w\n  fix: --log-driver k8s-file", socket, err)
	}
	return j, nil
}

// appendField adds a field in the one of the two forms that can hold the value.
func appendField(b []byte, name string, value []byte) []byte {
	b = append(b, name...)
	if bytes.IndexByte(value, '\n') < 0 {
		return append(append(append(b, '='), value...), '\n')
	}
	b = binary.LittleEndian.AppendUint64(append(b, '\n'), uint64(len(value)))
	return append(append(b, value...), '\n')
}

// write sends the lines that the piece ends.
func (j *journal) write(stream byte, piece []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fd < 0 || int(stream) >= len(j.part) {
		return
	}
	for len(piece) > 0 {
		line, rest, whole := bytes.Cut(piece, []byte{'\n'})
		room := maxJournalLine - len(j.part[stream])
		if len(line) > room {
			line, rest, whole = piece[:room], piece[room:], false
		}
		j.part[stream] = append(j.part[stream], line...)
		if whole || len(j.part[stream]) >= maxJournalLine {
			j.entry(stream, !whole)
		}
		piece = rest
	}
}

// entry sends what was collected of a stream.
func (j *journal) entry(stream byte, partial bool) {
	priority := 6 // LOG_INFO; what goes to standard error is LOG_ERR, as docker has it
	if stream == streamErr {
		priority = 3
	}
	b := append([]byte(nil), j.common...)
	b = appendField(b, "PRIORITY", []byte(strconv.Itoa(priority)))
	if partial {
		b = appendField(b, "CONTAINER_PARTIAL_MESSAGE", []byte("true"))
	}
	j.send(appendField(b, "MESSAGE", j.part[stream]))
	j.part[stream] = j.part[stream][:0]
}

// send gives journald an entry, in memory that can be changed no more when it is too
// large for a datagram. One that it does not take is lost.
func (j *journal) send(b []byte) {
	to := &unix.SockaddrUnix{Name: j.socket}
	err := retry(func() error { return unix.Sendmsg(j.fd, b, nil, to, unix.MSG_NOSIGNAL) })
	if err != unix.EMSGSIZE && err != unix.ENOBUFS {
		return
	}
	fd, err := unix.MemfdCreate("coracle-journal", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil && err != unix.EINTR {
			return
		}
		b = b[max(n, 0):]
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return
	}
	_ = retry(func() error { return unix.Sendmsg(j.fd, nil, unix.UnixRights(fd), to, unix.MSG_NOSIGNAL) })
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fd < 0 {
		return
	}
	for stream := range j.part {
		if len(j.part[stream]) > 0 {
			j.entry(byte(stream), false)
		}
	}
	unix.Close(j.fd)
	j.fd = -1
}
