package record

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func someCatalog(t testing.TB) *Catalog {
	t.Helper()
	lock := filepath.Join(t.TempDir(), "images.lock")
	if err := os.WriteFile(lock, []byte(strings.Repeat("w", 64)), 0o600); err != nil {
		t.Fatal(err)
	}
	token, err := Take(Lock, lock)
	if err != nil {
		t.Fatal(err)
	}
	return &Catalog{
		Tokens: []Token{token, {File, "/no/such/storage.conf", absent}},
		Images: []Entry{
			{
				ID: strings.Repeat("a", 64), Names: []string{"localhost/a:1", "quay.io/b:2"}, History: []string{"localhost/old:1"}, Digest: "sha256:1", Digests: []string{"sha256:1", "sha256:2"},
				Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Size: 1 << 40, Parent: strings.Repeat("b", 64), Layer: "layer", Platform: "linux/amd64",
				Labels: map[string]string{"k": "v w\n\"x\"", "": "", "e": ""}, Chain: [2]string{"c1", "c2"}, ReadOnly: true,
			},
			{ID: strings.Repeat("b", 64), Chain: [2]string{"c2", ""}, Intermediate: true},
		},
	}
}

func TestCatalogRoundTrip(t *testing.T) {
	c := someCatalog(t)
	path := filepath.Join(t.TempDir(), "catalogs", "x")
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := LoadCatalog(path)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v\nwant %+v", got, err, c)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if got.Images[0].Dangling() || !got.Images[1].Dangling() {
		t.Error("dangling")
	}
	empty := &Catalog{Tokens: c.Tokens}
	if err := empty.Save(path); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadCatalog(path); err != nil || len(got.Images) != 0 {
		t.Errorf("empty: %+v, %v", got, err)
	}
}

func TestCatalogStale(t *testing.T) {
	c := someCatalog(t)
	if why := c.Stale(); why != "" {
		t.Errorf("new: %s", why)
	}
	if (&Catalog{}).Stale() == "" {
		t.Error("without tokens")
	}
	if err := os.WriteFile(c.Tokens[0].Path, []byte(strings.Repeat("x", 64)), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.Stale() == "" {
		t.Error("another last writer")
	}
}

func TestCatalogDamage(t *testing.T) {
	if _, err := LoadCatalog(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	data, err := someCatalog(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		broken := append([]byte(nil), data...)
		broken[i] ^= 4
		if _, err := DecodeCatalog(broken); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for n := range data {
		if _, err := DecodeCatalog(data[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	// With a right sum.
	for _, body := range []string{
		"name x\n", "id short\n", "id " + strings.Repeat("a", 64) + "\nlock a b\n", "id " + strings.Repeat("a", 64) + "\nis odd\n",
		"id " + strings.Repeat("a", 64) + "\nsize x\n", "id " + strings.Repeat("a", 64) + "\nodd x\n", "id " + strings.Repeat("a", 64) + "\nparent x\n",
		"id " + strings.Repeat("a", 64) + "\nlabel x\n", "id " + strings.Repeat("a", 64) + "\nname x y\n", "\n", "id",
	} {
		w := writer{buf: []byte(catalogMagic + body)}
		w.buf = append(w.buf, "sum "+hexSum(w.buf)+"\n"...)
		if _, err := DecodeCatalog(w.buf); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", body, err)
		}
	}
	if _, err := (&Catalog{Images: []Entry{{ID: "x"}}}).Encode(); err == nil {
		t.Error("an odd id is written down")
	}
}

func TestCatalogPath(t *testing.T) {
	env := func(value string) func(string) string {
		return func(name string) string {
			if name == "CONTAINERS_STORAGE_CONF" {
				return value
			}
			return ""
		}
	}
	a := CatalogPath("/data", 1000, env(""))
	if !strings.HasPrefix(a, "/data/catalogs/") {
		t.Error(a)
	}
	if a != CatalogPath("/data", 1000, env("")) || a == CatalogPath("/data", 1001, env("")) || a == CatalogPath("/data", 1000, env("/x")) {
		t.Error("another store has another path, the same store the same")
	}
}

func FuzzDecodeCatalog(f *testing.F) {
	data, err := someCatalog(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data[len(catalogMagic) : len(data)-len("sum 00000000\n")]))
	f.Fuzz(func(t *testing.T, body string) {
		w := writer{buf: []byte(catalogMagic + body)}
		w.buf = append(w.buf, "sum "+hexSum(w.buf)+"\n"...)
		c, err := DecodeCatalog(w.buf)
		if err != nil {
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		if _, err := DecodeCatalog(again); err != nil {
			t.Fatalf("written, but not read: %v", err)
		}
	})
}

func hexSum(b []byte) string {
	const digits = "0123456789abcdef"
	sum, out := checksum(b), make([]byte, 8)
	for i := range out {
		out[i] = digits[sum>>(28-4*i)&15]
	}
	return string(out)
}
