package text

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, []string{"A", "LONG TITLE"}, [][]string{{"x", "y"}, {"a long cell", ""}}); err != nil {
		t.Fatal(err)
	}
	if want := "A            LONG TITLE\nx            y\na long cell  \n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	if err := Table(&b, nil, [][]string{{"only"}}); err != nil || b.String() != "only\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// What an image's author wrote stays in its cell and steers no terminal.
func TestAttackTerminal(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, nil, [][]string{{"a\x1b[2J\x07", "b\tc\nd\r", "\u009b31m", "x\u202ey"}, {"1", "2", "3", "4"}}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x07\r\u009b\u202e\t") || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("%q", b.String())
	}
	if s := Printable("plain ü 漢\tx\n"); s != "plain ü 漢\tx\n" {
		t.Errorf("%q", s)
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{-1: "unknown", 0: "0 B", 999: "999 B", 1000: "1 kB", 5270000: "5.27 MB", 1 << 62: "4.61 EB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "Less than a second ago", time.Second: "1 second ago", 5 * time.Second: "5 seconds ago", 90 * time.Second: "About a minute ago", 3 * time.Minute: "3 minutes ago",
		time.Hour: "About an hour ago", 5 * time.Hour: "5 hours ago", 72 * time.Hour: "3 days ago", 24 * 20 * time.Hour: "2 weeks ago",
		24 * 100 * time.Hour: "3 months ago", 24 * 900 * time.Hour: "2 years ago",
	} {
		if got := Age(now.Add(-ago), now); got != want {
			t.Errorf("%v: %s, want %s", ago, got, want)
		}
	}
	if Age(time.Time{}, now) != "N/A" || Truncate("äöü", 2) != "äö" || Truncate("a", 5) != "a" || ShortID("sha256:"+strings.Repeat("a", 64)) != strings.Repeat("a", 12) {
		t.Error("short forms")
	}
}
