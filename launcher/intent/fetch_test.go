package intent

import "testing"

func TestFetch(t *testing.T) {
	if u := (&Fetch{}).used(); u != "" {
		t.Errorf("nothing is used, and %q", u)
	}
	for flag, f := range map[string]Fetch{
		"--authfile": {Authfile: "a"}, "--creds": {Creds: "a:b"}, "--cert-dir": {CertDir: "d"}, "--tls-verify": {TLSVerify: ptr(false)},
		"--retry": {Retry: ptr(uint(0))}, "--retry-delay": {RetryDelay: "1s"}, "--ids": {IDs: "squash"}, "--signature-policy": {SigPolicy: "p"},
	} {
		if got := f.used(); got != flag {
			t.Errorf("%+v uses %q, want %q", f, got, flag)
		}
		o := Defaults()
		o.Argv, o.Fetch = []string{"debian"}, f
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
		o.Rootfs, o.Argv = true, []string{"/x", "sh"}
		wantErr(t, o.Check(), ErrConflict, flag)
	}
	o := Defaults()
	o.Argv, o.IDs = []string{"debian"}, "frob"
	wantErr(t, o.Check(), ErrInvalid, "--ids")
}
