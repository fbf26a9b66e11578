package userns

import (
	"strings"
	"testing"
)

const passwd = `root:x:0:0:root:/root:/bin/bash
broken
:x:1000:1000::/:/bin/sh
-n:x:1000:1000::/:/bin/sh
ana:x:1000:1000:Ana:/home/ana:/bin/bash
again:x:1000:1000::/:/bin/sh
bad:x:99999999999:1::/:/bin/sh
CORP\bob:*:70001:70001::/home/bob:/bin/sh
last:x:5:5:::`

func TestUserName(t *testing.T) {
	for uid, want := range map[uint32]string{
		0: "root", 1000: "ana", 70001: `CORP\bob`, 5: "last", 10: "", 100: "", maxID: "",
	} {
		if got := userName([]byte(passwd), uid); got != want {
			t.Errorf("uid %d is %q, want %q", uid, got, want)
		}
	}
}

func TestUserID(t *testing.T) {
	for name, want := range map[string]uint32{"root": 0, "ana": 1000, "again": 1000, "last": 5} {
		if got, ok := userID([]byte(passwd), name); got != want || !ok {
			t.Errorf("%s is %d, %v", name, got, ok)
		}
	}
	for _, name := range []string{"an", "broken", "bad", "x"} {
		if got, ok := userID([]byte(passwd), name); ok {
			t.Errorf("%s is %d", name, got)
		}
	}
}

func TestPlainName(t *testing.T) {
	for name, want := range map[string]bool{
		"ana": true, "ana@corp.example": true, `CORP\ana`: true, "ünal": true, "a$": true,
		"": false, "-u": false, "+": false, "a b": false, "a\nb": false, "a\x1b[1m": false, "a'b": false,
		strings.Repeat("a", 257): false,
	} {
		if got := plainName([]byte(name)); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzPasswd(f *testing.F) {
	f.Add([]byte(passwd), uint32(1000))
	f.Fuzz(func(t *testing.T, text []byte, uid uint32) {
		name := userName(text, uid)
		if name == "" {
			return
		}
		if !plainName([]byte(name)) {
			t.Fatalf("%q is no name", name)
		}
		if _, ok := userID(text, name); !ok {
			t.Fatalf("%q is not found again", name)
		}
	})
}
