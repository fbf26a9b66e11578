package intent

// Fetch holds the flags that say how an image is fetched when it is not there. The image engine reads them:
// see record.Request, whose fields they are.
type Fetch struct {
	Authfile   string `placeholder:"FILE" help:"File with credentials; else $$REGISTRY_AUTH_FILE, else what login writes."`
	Creds      string `placeholder:"USER:PASSWORD" help:"Credentials for the registry, not kept."`
	CertDir    string `placeholder:"DIR" help:"Directory with ca.crt, client.cert, client.key."`
	TLSVerify  *bool  `name:"tls-verify" negatable:"" help:"Insist on TLS with a known certificate; =false for a registry without."`
	Retry      *uint  `placeholder:"N" help:"How often to try again after a network failure (3)."`
	RetryDelay string `placeholder:"TIME" help:"Wait between tries; else half a second, doubled each time."`
	IDs        string `name:"ids" placeholder:"squash" help:"Files whose owners are beyond your ids: squash gives them to root and remembers whose they were."`
	SigPolicy  string `name:"signature-policy" hidden:"" placeholder:"FILE"`
}

// used gives the first flag that was set, "" for none.
func (f *Fetch) used() string {
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"--authfile", f.Authfile != ""}, {"--creds", f.Creds != ""}, {"--cert-dir", f.CertDir != ""},
		{"--tls-verify", f.TLSVerify != nil}, {"--retry", f.Retry != nil}, {"--retry-delay", f.RetryDelay != ""},
		{"--ids", f.IDs != ""}, {"--signature-policy", f.SigPolicy != ""},
	} {
		if flag.set {
			return flag.name
		}
	}
	return ""
}

// check refuses values that the engine would refuse: it is asked only when the image is not there.
func (f *Fetch) check() error {
	if f.IDs != "" && f.IDs != "squash" {
		return invalid("--ids", f.IDs, "squash is the only word for it")
	}
	return nil
}
