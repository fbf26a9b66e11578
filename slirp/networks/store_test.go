package networks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func noRoutes() ([]Route, error) { return nil, nil }

func mustCreate(t *testing.T, s Store, p Params) *Network {
	t.Helper()
	n, err := s.create(p, noRoutes)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func names(t *testing.T, s Store) string {
	t.Helper()
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, n := range all {
		list = append(list, n.Name)
	}
	return strings.Join(list, " ")
}

func TestStore(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "data", DirName)}
	if got := names(t, s); got != DefaultName {
		t.Errorf("of a new user: %s", got)
	}
	web := mustCreate(t, s, Params{Name: "web", Internal: true, Labels: map[string]string{"a": "b"}, Options: map[string]string{OptionMTUDocker: "9000"}})
	mustCreate(t, s, Params{Name: "api", DisableDNS: true})
	if got := names(t, s); got != "api bridge web" {
		t.Errorf("list: %s", got)
	}
	for _, ref := range []string{"web", web.ID, web.ID[:12], web.ID[:5]} {
		n, err := s.Find(ref)
		if err != nil || n.ID != web.ID {
			t.Fatalf("%s: %+v %v", ref, n, err)
		}
		if !n.Internal || !n.DNS || n.Labels["a"] != "b" || n.MTU() != 9000 || !n.Created.Equal(web.Created) || n.Driver != "bridge" {
			t.Errorf("read back: %+v", n)
		}
	}
	if api, err := s.Find("api"); err != nil || api.DNS || api.Internal || api.MTU() != 0 {
		t.Errorf("%+v %v", api, err)
	}
	if n, err := s.Find(DefaultName); err != nil || !n.IsDefault() || n.Subnets[0].Prefix.String() != "10.88.0.0/16" {
		t.Errorf("%+v %v", n, err)
	}
	if n, err := s.Find(defaultID[:12]); err != nil || !n.IsDefault() {
		t.Errorf("%+v %v", n, err)
	}
	info, err := os.Stat(s.path("web"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	inUse := errors.New("somebody")
	if err := s.Remove("web", func() error { return inUse }); err != inUse {
		t.Errorf("removed although in use: %v", err)
	}
	nobody := func() error { return nil }
	if err := s.Remove("web", nobody); err != nil {
		t.Error(err)
	}
	if got := names(t, s); got != "api bridge" {
		t.Errorf("after removal: %s", got)
	}
	if err := s.Remove("web", nobody); !errors.Is(err, ErrNoNetwork) {
		t.Errorf("removed twice: %v", err)
	}
	if err := s.Remove(DefaultName, nobody); !errors.Is(err, ErrDefault) {
		t.Errorf("default removed: %v", err)
	}
	if err := s.Remove("../x", nobody); !errors.Is(err, ErrNoNetwork) {
		t.Errorf("removed elsewhere: %v", err)
	}
}

func TestNotFound(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	mustCreate(t, s, Params{Name: "web"})
	_, err := s.Find("wbe")
	var missing *NotFound
	if !errors.As(err, &missing) || !errors.Is(err, ErrNoNetwork) || strings.Join(missing.Names, " ") != "bridge web" || !strings.Contains(err.Error(), "coracle network create wbe") {
		t.Errorf("%v %+v", err, missing)
	}
	for _, ref := range []string{"", "../web", "a\x00b", strings.Repeat("x", 300)} {
		if _, err := s.Find(ref); !errors.Is(err, ErrNoNetwork) || strings.Contains(err.Error(), "create ") {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

func TestAmbiguous(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	for i := range 17 { // two of them begin with the same digit
		mustCreate(t, s, Params{Name: "n" + string(rune('a'+i))})
	}
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[byte]bool{}
	for _, n := range all {
		if n.Name == "bridge" {
			continue
		}
		if seen[n.ID[0]] {
			if _, err := s.Find(n.ID[:1]); !errors.Is(err, ErrAmbiguous) {
				t.Errorf("%s: %v", n.ID[:1], err)
			}
			return
		}
		seen[n.ID[0]] = true
	}
	t.Error("17 ids begin with 16 digits")
}

func TestDamagedRecords(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	mustCreate(t, s, Params{Name: "good"})
	write := func(name, text string) {
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(s.path("good"))
	if err != nil {
		t.Fatal(err)
	}
	write("empty", "")
	write("half", string(whole[:len(whole)/2]))
	write("other", string(whole)) // of another name
	write("later", `{"Version":2}`)
	write("large", `{"Version":1,"Name":"`+strings.Repeat("x", maxRecord)+`"}`)
	if err := os.Symlink("good.json", s.path("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("-no-name", "x")
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, s); got != "bridge directory empty good half large later link other" {
		t.Errorf("list: %s", got)
	}
	for _, n := range all {
		if good := n.Name == "good" || n.Name == "bridge"; good != (n.Err == nil) || !good && !errors.Is(n.Err, ErrDamaged) {
			t.Errorf("%s: %v", n.Name, n.Err)
		}
	}
	_, err = s.Find("half")
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "coracle network rm half") {
		t.Errorf("half: %v", err)
	}
	// What is damaged does not hold up the others, and goes as they do.
	mustCreate(t, s, Params{Name: "next"})
	if err := s.Remove("half", func() error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := s.create(Params{Name: "empty"}, noRoutes); !errors.Is(err, ErrNetworkExists) {
		t.Errorf("empty: %v", err)
	}
}

func TestUnfinishedRecordsAreSwept(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	left := filepath.Join(s.Dir, unfinished+"web-01234567")
	if err := os.WriteFile(left, []byte(`{"Version":1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := names(t, s); got != "bridge" {
		t.Errorf("list: %s", got)
	}
	mustCreate(t, s, Params{Name: "web"})
	if _, err := os.Lstat(left); !os.IsNotExist(err) {
		t.Errorf("left: %v", err)
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
}

// Of those who make networks at once, each gets another subnet, and one of a name.
func TestConcurrentCreate(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), DirName)}
	const many = 8
	var wg sync.WaitGroup
	same := make(chan error, many)
	for i := range many {
		wg.Go(func() {
			if _, err := s.create(Params{Name: "n" + string(rune('0'+i))}, noRoutes); err != nil {
				t.Error(err)
			}
			_, err := s.create(Params{Name: "same"}, noRoutes)
			same <- err
		})
	}
	wg.Wait()
	made := 0
	for range many {
		if err := <-same; err == nil {
			made++
		} else if !errors.Is(err, ErrNetworkExists) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d networks of one name", made)
	}
	all, err := s.List()
	if err != nil || len(all) != many+2 {
		t.Fatalf("%d networks, %v", len(all), err)
	}
	seen := map[netip.Prefix]string{}
	for _, n := range all {
		if other := seen[n.Subnets[0].Prefix]; other != "" {
			t.Errorf("%s and %s have %s", other, n.Name, n.Subnets[0].Prefix)
		}
		seen[n.Subnets[0].Prefix] = n.Name
	}
}

func TestDefault(t *testing.T) {
	sum := sha256.Sum256([]byte(DefaultName))
	if got := hex.EncodeToString(sum[:]); got != defaultID {
		t.Errorf("id of %s: %s", DefaultName, got)
	}
	n := Default()
	if list, err := checkSubnets(n.Subnets); err != nil || len(list) != 1 || n.DNS {
		t.Errorf("%+v %v", n, err)
	}
	if _, err := (Store{Dir: t.TempDir()}).create(Params{Name: DefaultName}, noRoutes); !errors.Is(err, ErrDefault) {
		t.Error(err)
	}
}

// A record is untouched when the next one cannot be written.
func TestNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := Store{Dir: filepath.Join(file, DirName)}
	if _, err := s.create(Params{Name: "web"}, noRoutes); err == nil {
		t.Error("made below a file")
	}
	if _, err := s.List(); err == nil {
		t.Error("listed below a file")
	}
}

func FuzzRecord(f *testing.F) {
	s := Store{Dir: f.TempDir()}
	n, err := s.create(Params{Name: "web", IPv6: true, Options: map[string]string{"mtu": "1400"}}, noRoutes)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(s.path(n.Name))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"Version":1,"Name":"web","Subnets":[{"Prefix":"10.0.0.0/8"}]}`))
	f.Add([]byte(`{"Version":1,"Name":"web","Subnets":[{"Prefix":"::ffff:10.0.0.0/104","Gateway":"::1%eth0"}]}`))
	f.Add([]byte(`{"Version":1,"Subnets":[{"Prefix":"invalid Prefix","First":"","Last":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := decode("web", b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		// Who reads a record relies on all of this.
		if n.Name != "web" || len(n.ID) != idLength || len(n.Subnets) == 0 || len(n.Subnets) > 2 || n.MTU() < 0 || n.MTU() > mostMTU {
			t.Fatalf("%+v", n)
		}
		for _, s := range n.Subnets {
			if s.Prefix != s.Prefix.Masked() || !s.Prefix.Contains(s.Gateway) || s.First.IsValid() != s.Last.IsValid() {
				t.Fatalf("%+v", s)
			}
			if s.First.IsValid() && (!s.Prefix.Contains(s.First) || !s.Prefix.Contains(s.Last)) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
