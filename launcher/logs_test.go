package launcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coracle/launcher/containers"
	"coracle/storage"
)

// readLog reads a log as `coracle logs` does.
func readLog(t testing.TB, path string, l Logs, json bool) (out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	l.Out, l.Err = &o, &e
	r := &logReader{Logs: l, path: path, json: json}
	if err := r.read(context.Background(), nil); err != nil && !errors.Is(err, errUntil) {
		t.Fatal(err)
	}
	return o.String(), e.String()
}

// k8s is an entry as k8s-file has it; word begins with its stream and tag, "oF text".
func k8s(second int, word string) string {
	stream := map[byte]string{'o': "stdout", 'e': "stderr"}[word[0]]
	end := "\n"
	return fmt.Sprintf("2026-01-02T03:04:%02d.000000000Z %s %c %s%s", second, stream, word[1], word[3:], end)
}

func writeLog(t testing.TB, files ...[]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), logFile)
	r := &logReader{path: path}
	second := 0
	for i, words := range files {
		var b strings.Builder
		for _, w := range words {
			second++
			b.WriteString(k8s(second, w))
		}
		if err := os.WriteFile(r.name(len(files)-1-i), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestLogsTail(t *testing.T) {
	plain := [][]string{{"oF 1", "oF 2", "oF 3"}}
	parts := [][]string{{"oP a", "eF E", "oP b", "oF c", "eP x", "oF d", "eF y"}}
	files := [][]string{{"oF 1", "oP 2a"}, {"eF E"}, {"oF 2b", "oF 3"}}
	for _, tt := range []struct {
		name      string
		files     [][]string
		tail      int
		out, errs string
	}{
		{"all", plain, -1, "1\n2\n3\n", ""},
		{"none", plain, 0, "", ""},
		{"one", plain, 1, "3\n", ""},
		{"two", plain, 2, "2\n3\n", ""},
		{"as many", plain, 3, "1\n2\n3\n", ""},
		{"more", plain, 9, "1\n2\n3\n", ""},
		{"a line that began before the other's", parts, 1, "d\n", ""},
		{"both", parts, 2, "d\n", "xy\n"},
		{"three", parts, 3, "d\n", "E\nxy\n"},
		{"four, the first in pieces", parts, 4, "abc\nd\n", "E\nxy\n"},
		{"a line over two files", files, 1, "3\n", ""},
		{"with what is between", files, 2, "3\n", "E\n"},
		{"and itself", files, 3, "2a2b\n3\n", "E\n"},
		{"everything", files, 4, "1\n2a2b\n3\n", "E\n"},
		{"of nothing", [][]string{{}}, 3, "", ""},
		{"unfinished", [][]string{{"oF 1", "oP 2"}}, 1, "2", ""},
	} {
		if out, errs := readLog(t, writeLog(t, tt.files...), Logs{Tail: tt.tail}, false); out != tt.out || errs != tt.errs {
			t.Errorf("%s: %q and %q, want %q and %q", tt.name, out, errs, tt.out, tt.errs)
		}
	}
	if out, _ := readLog(t, filepath.Join(t.TempDir(), logFile), Logs{Tail: 3}, false); out != "" {
		t.Errorf("of no log: %q", out)
	}
}

func TestLogsBounds(t *testing.T) {
	path := writeLog(t, []string{"oF 1", "oF 2", "eF 3"}, []string{"oP 4", "oF 5", "oF 6"})
	at := func(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC) }
	for _, tt := range []struct {
		name      string
		l         Logs
		out, errs string
	}{
		{"since", Logs{Tail: -1, Since: at(3)}, "45\n6\n", "3\n"},
		{"since the middle of a line", Logs{Tail: -1, Since: at(5)}, "5\n6\n", ""},
		{"until", Logs{Tail: -1, Until: at(2)}, "1\n2\n", ""},
		{"both", Logs{Tail: -1, Since: at(2), Until: at(3)}, "2\n", "3\n"},
		{"nothing", Logs{Tail: -1, Since: at(40)}, "", ""},
		{"of the last", Logs{Tail: 2, Until: at(5)}, "45\n", ""},
		{"times", Logs{Tail: 3, Timestamps: true}, "2026-01-02T03:04:04.000000000Z 45\n2026-01-02T03:04:06.000000000Z 6\n", "2026-01-02T03:04:03.000000000Z 3\n"},
	} {
		if out, errs := readLog(t, path, tt.l, false); out != tt.out || errs != tt.errs {
			t.Errorf("%s: %q and %q, want %q and %q", tt.name, out, errs, tt.out, tt.errs)
		}
	}
}

// What a crash left is no entry, and hides none.
func TestLogsDamage(t *testing.T) {
	whole := k8s(1, "oF one")
	for name, text := range map[string]string{
		"half at the end":  whole + "2026-01-02T03:04:01.0",
		"all but its end":  whole + strings.TrimSuffix(k8s(2, "oF half"), "\n"),
		"half before":      "2026-01\n" + whole,
		"binary":           "\x00\xff \x01 \x02\n" + whole,
		"empty lines":      "\n\n" + whole + "\n",
		"another stream":   strings.Replace(whole, "stdout", "stdlog", 1) + whole,
		"no newline first": strings.Repeat("x", 200<<10) + "\n" + whole,
	} {
		path := filepath.Join(t.TempDir(), logFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, tail := range []int{-1, 1, 5} {
			if out, errs := readLog(t, path, Logs{Tail: tail}, false); out != "one\n" || errs != "" {
				t.Errorf("%s, tail %d: %q and %q", name, tail, out, errs)
			}
		}
	}
	json := `{"log":"one\n","stream":"stdout","time":"2026-01-02T03:04:01Z"}` + "\n"
	for _, damage := range []string{json[:20], "null\n", "[]\n", `{"log":"x"}` + "\n", "{}\n", json[:20] + "\n"} {
		path := filepath.Join(t.TempDir(), logFile)
		if err := os.WriteFile(path, []byte(json+damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _ := readLog(t, path, Logs{Tail: 1}, true); out != "one\n" {
			t.Errorf("%q: %q", damage, out)
		}
	}
}

// Lines longer than any buffer are read backwards, too.
func TestLogsLongLines(t *testing.T) {
	long := strings.Repeat("0123456789", 50_000)
	path := writeLog(t, []string{"oF first", "oF " + long, "oP " + long, "oF end"})
	if out, _ := readLog(t, path, Logs{Tail: 1}, false); out != long+"end\n" {
		t.Errorf("%d bytes", len(out))
	}
	if out, _ := readLog(t, path, Logs{Tail: 2}, false); out != long+"\n"+long+"end\n" {
		t.Errorf("%d bytes", len(out))
	}
}

// The one line of the other stream does not cost reading all before it.
func TestLogsDoubt(t *testing.T) {
	tail := &logTail{want: 1}
	tail.take(entry{err: true}, 100)
	for i := 0; !tail.enough(); i++ {
		tail.take(entry{}, 100)
		if i > maxDoubt/100+10 {
			t.Fatal("no end")
		}
	}
	if tail.drop() != tail.lines+2-1 {
		t.Errorf("%d of %d lines", tail.drop(), tail.lines)
	}
}

// alive makes a container that runs until its lock is closed.
func alive(t *testing.T) *containers.Container {
	t.Helper()
	d, err := storage.Containers{Data: t.TempDir()}.Create(storage.Params{Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Lock.Close() })
	return &containers.Container{Dir: d}
}

// Following sees every line once, however often the writer begins new files, and
// ends with the container.
func TestLogsFollow(t *testing.T) {
	for name, c := range map[string]logConfig{
		"no rotation": {Driver: "k8s-file"},
		"many files":  {Driver: "k8s-file", MaxSize: 4096, MaxFiles: 1000},
		"json":        {Driver: "json-file", MaxSize: 4096, MaxFiles: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			x := alive(t)
			w, err := openLog(x.Path, c)
			if err != nil {
				t.Fatal(err)
			}
			w.write(streamOut, []byte("0\n"))
			const lines = 2000
			go func() {
				for i := 1; i < lines; i++ {
					w.write(streamOut, fmt.Appendf(nil, "%d\n", i))
					if i%100 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
				w.write(streamOut, []byte("end"))
				w.close()
				x.Lock.Close()
			}()
			var out, errs bytes.Buffer
			r := &logReader{Logs: Logs{Follow: true, Tail: -1, Out: &out, Err: &errs}, path: w.path, json: c.Driver == "json-file"}
			if err := r.read(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			var want strings.Builder
			for i := range lines {
				fmt.Fprintln(&want, i)
			}
			if out.String() != want.String()+"end" || errs.Len() > 0 {
				t.Errorf("%d bytes instead of %d, %d on the other stream", out.Len(), want.Len()+3, errs.Len())
			}
		})
	}
}

// A file that is replaced is read to its end first; one that somebody emptied,
// from its beginning.
func TestLogsAdvance(t *testing.T) {
	path := writeLog(t, []string{"oF 1"})
	var out bytes.Buffer
	r := &logReader{Logs: Logs{Tail: -1, Out: &out, Err: &out}, path: path}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	step := func(want string, moved bool) {
		t.Helper()
		next, err := r.advance(f, true)
		if err != nil || (next != nil) != moved {
			t.Fatalf("%v, moved %v", err, next != nil)
		}
		if next != nil {
			f.Close()
			f = next
			if err := r.copy(f); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != want {
			t.Fatalf("%q, want %q", out.String(), want)
		}
		out.Reset()
	}
	write := func(name, text string, flags int) {
		t.Helper()
		g, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flags, 0o600)
		if err == nil {
			_, err = g.WriteString(text)
			g.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	step("1\n", false)
	step("", false)
	write(path, k8s(2, "oF half")[:20], os.O_APPEND)
	step("", false)
	write(path, k8s(2, "oF half")[20:], os.O_APPEND)
	step("half\n", false)
	write(path, k8s(3, "oF x"), os.O_TRUNC)
	step("x\n", false)
	// Two rotations at once: the file between is not missed.
	write(path, k8s(4, "oF last"), os.O_APPEND)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Rename(path, path+".2"))
	write(path+".1", k8s(5, "oF between"), 0)
	write(path, k8s(6, "oF new"), 0)
	step("last\nbetween\n", true)
	step("new\n", true)
	step("", false)
	// Deleted under the reader, and begun anew.
	check(os.Remove(path))
	write(path, k8s(7, "oF anew"), 0)
	check(os.Remove(path + ".1"))
	check(os.Remove(path + ".2"))
	step("anew\n", true)
	check(os.Remove(path))
	step("", false)
	f.Close()
}

func TestLogsFiles(t *testing.T) {
	path := writeLog(t, []string{"oF 1"}, []string{"oF 2"}, []string{"oF 3"})
	// In the middle of a rotation: one is missing, and one has two names.
	if err := os.Rename(path+".2", path+".3"); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path+".1", path+".2"); err != nil {
		t.Fatal(err)
	}
	if out, _ := readLog(t, path, Logs{Tail: -1}, false); out != "1\n2\n3\n" {
		t.Errorf("%q", out)
	}
	if err := os.Remove(path + ".1"); err != nil {
		t.Fatal(err)
	}
	if out, _ := readLog(t, path, Logs{Tail: 2}, false); out != "2\n3\n" {
		t.Errorf("%q", out)
	}
}

// TestLogsOf goes the way of the command, which wants a container that keeps one.
func TestLogsOf(t *testing.T) {
	set := containers.Set{Containers: storage.Containers{Data: t.TempDir()}}
	for name, intent := range map[string]string{"with": `{"LogDriver":"k8s-file"}`, "without": `{}`} {
		d, err := set.Create(storage.Params{Name: name, Keep: true, Facts: []storage.Fact{{Name: containers.IntentFact, Data: []byte(intent)}}})
		if err != nil {
			t.Fatal(err)
		}
		d.Lock.Close()
		if err := os.WriteFile(filepath.Join(d.Path, logFile), []byte(k8s(1, "oF 1")+k8s(2, "oF 2")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := &Containers{Set: set}
	var out, errs bytes.Buffer
	l := Logs{Tail: -1, Out: &out, Err: &errs, Until: time.Date(2026, 1, 2, 3, 4, 1, 0, time.UTC), Follow: true}
	if err := all.Logs(context.Background(), "with", l); err != nil || out.String() != "1\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := all.Logs(context.Background(), "without", l); err == nil || !strings.Contains(err.Error(), "keeps no log") {
		t.Errorf("%v", err)
	}
	if err := all.Logs(context.Background(), "ghost", l); !errors.Is(err, storage.ErrNoContainer) {
		t.Errorf("%v", err)
	}
}
