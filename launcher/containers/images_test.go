package containers

import (
	"slices"
	"testing"

	"coracle/storage"
	"coracle/storage/volume"
)

func TestImages(t *testing.T) {
	fact, err := volume.Claim{Mounts: []volume.Mount{{Type: "image", Source: "x", ImageID: "b"}, {Type: "volume", Name: "v"}, {Type: "image", ImageID: "c"}}}.Fact()
	if err != nil {
		t.Fatal(err)
	}
	d, err := storage.Containers{Data: t.TempDir()}.Create(storage.Params{Keep: true, Facts: []storage.Fact{fact}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Lock.Close()
	c := &Container{Dir: d, Intent: Intent{ImageID: "a"}}
	if got := c.Images(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got)
	}
	c.Intent.ImageID = "" // --rootfs
	if err := d.RemoveFact(volume.ClaimFact); err != nil {
		t.Fatal(err)
	}
	if got := c.Images(); len(got) != 0 {
		t.Error(got)
	}
}
