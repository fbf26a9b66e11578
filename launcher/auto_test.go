package launcher

import (
	"path/filepath"
	"strings"
	"testing"

	"coracle/launcher/intent"
	"coracle/storage"
	"coracle/userns"
)

func autoLaunch(data, mode string, first uint32) *launch {
	o := intent.Defaults()
	o.Userns = mode
	m := userns.IDMap{{Inside: 0, Outside: first, Size: 1000}}
	return &launch{options: &o, paths: storage.Paths{Data: data}, maps: userns.Maps{UIDs: m, GIDs: m}}
}

func TestTakenIDs(t *testing.T) {
	data := t.TempDir()
	c := storage.Containers{Data: data}
	start := func(mode string, first uint32) *storage.Dir {
		t.Helper()
		facts, err := autoLaunch(data, mode, first).autoFacts()
		if err != nil {
			t.Fatal(err)
		}
		return container(t, c, storage.Params{Keep: true, Facts: facts})
	}
	alive := start("auto", 1)
	start("auto:size=1000", 1001).Lock.Close() // ended: its ids are free
	start("keep-id", 2001)                     // shares ids with everybody
	defer alive.Lock.Close()

	l := autoLaunch(data, "auto", 0)
	taken, err := l.takenIDs()
	if err != nil || len(taken) != 1 || taken[0].UIDs.String() != "0 1 1000" || taken[0].GIDs.String() != "0 1 1000" {
		t.Fatalf("%+v, %v", taken, err)
	}
	if l.reserved == nil || filepath.Base(l.reserved.Name()) != autoLock {
		t.Fatal("nobody is kept from choosing the same ids")
	}
	l.reserved.Close()

	other := autoLaunch(data, "keep-id", 0)
	if taken, err := other.takenIDs(); taken != nil || err != nil || other.reserved != nil {
		t.Errorf("keep-id: %v, %v", taken, err)
	}
	explained := autoLaunch(data, "auto", 0)
	explained.options.Explain = true
	if taken, err := explained.takenIDs(); len(taken) != 1 || err != nil || explained.reserved != nil {
		t.Errorf("--explain: %v, %v", taken, err)
	}

	// A fact that cannot be read may stand for any id: nobody guesses.
	damaged := container(t, c, storage.Params{Facts: []storage.Fact{{Name: autoFact, Data: []byte("{")}}})
	defer damaged.Lock.Close()
	if _, err := autoLaunch(data, "auto", 0).takenIDs(); err == nil || !strings.Contains(err.Error(), "coracle rm -f "+damaged.ID[:12]) {
		t.Error(err)
	}
}
