package intent

import (
	"errors"
	"strings"

	"coracle/slirp/egress"
)

// EgressFlags say where a container may speak to.
type EgressFlags struct {
	Egress []string `sep:"none" placeholder:"none|lan|internet|RULE,…" help:"Let the container speak only to this: NAME, *.NAME, ADDRESS or CIDR, with :PORT and /tcp or /udp."`
}

// egress gives the rules to the user-mode network, which alone keeps to them.
func (b *builder) egress(n *Slirp) error {
	list := b.o.Egress
	if len(list) == 0 && len(n.Egress) == 0 {
		return nil
	}
	n.Egress = append(n.Egress, egress.Split(list)...)
	p, err := egress.Parse(n.Egress)
	if err != nil {
		return egressError(list, err)
	}
	if len(b.o.DNS) > 0 && b.o.DNS[0] != "none" && p.Names() {
		return conflict("--dns", "--egress with a name", "who asks another name server is given addresses that nobody here knows the names of").
			fix("leave out --dns: the host's name servers are asked")
	}
	return nil
}

// egressError says it in the words of the flag.
func egressError(list []string, err error) error {
	text, fix, _ := strings.Cut(strings.TrimPrefix(err.Error(), egress.ErrRule.Error()+": "), "\n  fix: ")
	if !errors.Is(err, egress.ErrRule) {
		return err
	}
	e := invalid("--egress", strings.Join(list, ","), text)
	if fix != "" {
		return e.fix("%s", fix)
	}
	return e
}
