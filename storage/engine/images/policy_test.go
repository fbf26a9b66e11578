//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"coracle/storage/record"
)

func TestCheckPolicy(t *testing.T) {
	w := newWorld(t)
	w.image(made{names: []string{"quay.io/good/a:1", "quay.io/bad/a:1", "localhost/a:1"}, steps: []string{"a"}})
	nameless := w.image(made{steps: []string{"b"}})
	policy := filepath.Join(t.TempDir(), "policy.json")
	check(t, os.WriteFile(policy, []byte(`{"default":[{"type":"reject"}],"transports":{
		"docker":{"quay.io/good":[{"type":"insecureAcceptAnything"}]},
		"containers-storage":{"":[{"type":"insecureAcceptAnything"}]}}}`), 0o600))
	w.s.Sys.SignaturePolicyPath = policy
	for ref, want := range map[string]string{
		"quay.io/good/a:1": "[docker://quay.io/good/a:1 true]",
		"quay.io/bad/a:1":  "[docker://quay.io/bad/a:1 false]",
		"localhost/a:1":    "[true]",
		nameless.ID:        "[true]",
	} {
		verdicts, err := CheckPolicy(context.Background(), w.s, ref)
		if err != nil || len(verdicts) != 1 {
			t.Errorf("%s: %+v, %v", ref, verdicts, err)
			continue
		}
		v := verdicts[0]
		got := fmt.Sprint([]any{v.As, v.Refused == nil})
		if ref == "localhost/a:1" || ref == nameless.ID {
			got = fmt.Sprint([]any{v.Refused == nil})
		}
		if got != want {
			t.Errorf("%s: %s, %v; want %s", ref, got, v.Refused, want)
		}
		if v.Refused != nil && !errors.Is(v.Refused, record.ErrPolicy) {
			t.Errorf("%s: %v", ref, v.Refused)
		}
	}
	img, err := Find(context.Background(), w.s, "localhost/a:1")
	check(t, err)
	if verdicts, err := CheckPolicy(context.Background(), w.s, img.ID); err != nil || len(verdicts) != 3 {
		t.Errorf("by id, every name: %+v, %v", verdicts, err)
	}
	if _, err := CheckPolicy(context.Background(), w.s, "docker://:"); err == nil {
		t.Error("a broken reference is accepted")
	}
	if _, err := CheckPolicy(context.Background(), w.s, "nothing"); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}
