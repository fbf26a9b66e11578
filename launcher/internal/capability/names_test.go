package capability

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNumber(t *testing.T) {
	for name, want := range map[string]int{
		"CAP_CHOWN": unix.CAP_CHOWN, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_SETFCAP": unix.CAP_SETFCAP,
		"CAP_CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE, "CHOWN": -1, "": -1,
	} {
		if got := Number(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
	if len(Names) != unix.CAP_LAST_CAP+1 {
		t.Errorf("%d names, the last capability is %d", len(Names), unix.CAP_LAST_CAP)
	}
}
