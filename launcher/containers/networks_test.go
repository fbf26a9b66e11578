package containers

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"coracle/storage"
)

func TestNetworks(t *testing.T) {
	dir := t.TempDir()
	d := &storage.Dir{Path: dir}
	if got := ReadNetworks(d); got != nil {
		t.Errorf("no fact: %v", got)
	}
	want := []Network{
		{Network: "red", IP4: netip.MustParseAddr("10.89.0.2"), IP6: netip.MustParseAddr("fd00::2")},
		{Network: "blue", IP4: netip.MustParseAddr("10.90.0.7")},
	}
	if err := WriteNetworks(dir, want); err != nil {
		t.Fatal(err)
	}
	if got := ReadNetworks(d); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, networksFact), []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ReadNetworks(d); got != nil {
		t.Errorf("a damaged one: %v", got)
	}
	for range 2 { // also when it is gone
		if err := WriteNetworks(dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, networksFact)); !os.IsNotExist(err) {
		t.Errorf("there is a fact of nothing: %v", err)
	}
}
