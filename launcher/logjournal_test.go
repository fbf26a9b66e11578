package launcher

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/storage"
)

// aJournald takes entries as journald does, and gives them field by field.
func aJournald(t *testing.T) (socket string, next func() map[string]string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "socket")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
		t.Fatal(err)
	}
	return socket, func() map[string]string {
		b, oob := make([]byte, 1<<20), make([]byte, 256)
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
			t.Fatal(err)
		}
		n, oobn, _, _, err := unix.Recvmsg(fd, b, oob, unix.MSG_CMSG_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		entry := b[:n]
		if fds := rights(oob[:oobn]); len(fds) == 1 {
			seals, err := unix.FcntlInt(uintptr(fds[0]), unix.F_GET_SEALS, 0)
			if err != nil || seals&unix.F_SEAL_WRITE == 0 {
				t.Errorf("seals %x, %v", seals, err)
			}
			f := os.NewFile(uintptr(fds[0]), "memfd")
			defer f.Close()
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if entry, err = io.ReadAll(f); err != nil {
				t.Fatal(err)
			}
		}
		return fieldsOf(t, entry)
	}
}

func fieldsOf(t *testing.T, b []byte) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			t.Fatalf("no newline after %q", line)
		}
		if k, v, ok := strings.Cut(string(line), "="); ok {
			all[k], b = v, rest
			continue
		}
		size := binary.LittleEndian.Uint64(rest)
		all[string(line)], b = string(rest[8:8+size]), rest[8+size+1:]
	}
	return all
}

func TestJournal(t *testing.T) {
	socket, next := aJournald(t)
	j, err := openJournal(socket, map[string]string{"CONTAINER_NAME": "web", "CONTAINER_TAG": "a\nb", "IMAGE_NAME": ""})
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	j.write(streamOut, []byte("one\ntw"))
	j.write(streamErr, []byte("bad\n"))
	j.write(streamOut, []byte("o\n\nlast"))
	for _, want := range []map[string]string{
		{"MESSAGE": "one", "PRIORITY": "6"}, {"MESSAGE": "bad", "PRIORITY": "3"}, {"MESSAGE": "two", "PRIORITY": "6"}, {"MESSAGE": "", "PRIORITY": "6"},
	} {
		want["CONTAINER_NAME"], want["CONTAINER_TAG"] = "web", "a\nb"
		got := next()
		if len(got) != len(want) {
			t.Errorf("%q, want %q", got, want)
		}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s: %q, want %q", k, got[k], v)
			}
		}
	}
	j.close()
	if got := next(); got["MESSAGE"] != "last" {
		t.Errorf("%q", got)
	}
	j.write(streamOut, []byte("late\n")) // is no harm
}

// What does not fit into a datagram goes in a file; what is no line any more is
// several entries.
func TestJournalLarge(t *testing.T) {
	socket, next := aJournald(t)
	j, err := openJournal(socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	large := strings.Repeat("x", maxJournalLine-10)
	j.write(streamOut, []byte(large+"\n"))
	if got := next(); got["MESSAGE"] != large || got["CONTAINER_PARTIAL_MESSAGE"] != "" {
		t.Errorf("%d bytes", len(got["MESSAGE"]))
	}
	for range 2 {
		j.write(streamOut, []byte(large))
	}
	j.write(streamOut, []byte("end\n"))
	first, second := next(), next()
	if first["CONTAINER_PARTIAL_MESSAGE"] != "true" || second["CONTAINER_PARTIAL_MESSAGE"] != "" || first["MESSAGE"]+second["MESSAGE"] != large+large+"end" {
		t.Errorf("%d and %d bytes", len(first["MESSAGE"]), len(second["MESSAGE"]))
	}
}

func TestNoJournal(t *testing.T) {
	_, err := openJournal(filepath.Join(t.TempDir(), "none"), nil)
	if err == nil || !strings.Contains(err.Error(), "no journal is kept here") || !strings.Contains(err.Error(), "fix: --log-driver k8s-file") {
		t.Error(err)
	}
}

func TestReadJournal(t *testing.T) {
	var out, errs strings.Builder
	r := &logReader{Logs: Logs{Tail: -1, Out: &out, Err: &errs, Timestamps: true}}
	err := r.copyJournal(strings.NewReader(strings.Join([]string{
		`{"__REALTIME_TIMESTAMP":"1700000000000001","PRIORITY":"6","MESSAGE":"one"}`,
		`{"__REALTIME_TIMESTAMP":"1700000000000002","PRIORITY":"3","MESSAGE":[255,97]}`,
		`{"__REALTIME_TIMESTAMP":"1700000000000003","PRIORITY":"6","MESSAGE":"half ","CONTAINER_PARTIAL_MESSAGE":"true"}`,
		`{"__REALTIME_TIMESTAMP":"1700000000000004","PRIORITY":"6","MESSAGE":"whole"}`,
		`{"__REALTIME_TIMESTAMP":"x","MESSAGE":"no"}`, `{"__REALTIME_TIMESTAMP":"1","MESSAGE":{}}`, `not JSON`,
	}, "\n")))
	stamp := func(µs int64) string { return time.UnixMicro(µs).Format(time.RFC3339Nano) + " " }
	if want := stamp(1700000000000001) + "one\n" + stamp(1700000000000003) + "half whole\n"; err != nil || out.String() != want {
		t.Errorf("%v\ngot  %q\nwant %q", err, out.String(), want)
	}
	if want := stamp(1700000000000002) + "\xffa\n"; errs.String() != want {
		t.Errorf("%q, want %q", errs.String(), want)
	}
}

// That journalctl closes its output before it ends is no failure to read.
func TestReadJournalToItsEnd(t *testing.T) {
	dir := t.TempDir()
	const script = "#!/bin/sh\necho '{\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":\"one\"}'\nexec >&-\nsleep 0.3\n"
	if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	var out strings.Builder
	r := &logReader{Logs: Logs{Tail: -1, Out: &out, Err: io.Discard}}
	if err := r.readJournal(t.Context(), &containers.Container{Dir: &storage.Dir{ID: "x"}}); err != nil || out.String() != "one\n" {
		t.Errorf("%v: %q", err, out.String())
	}
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1700000000000001","PRIORITY":"6","MESSAGE":"one"}`))
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"-1","MESSAGE":[256,-1,1e3]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if e, ok := parseJournal(line); ok && !e.partial && !bytes.HasSuffix(e.text, []byte("\n")) {
			t.Errorf("%q is no line", e.text)
		}
	})
}
