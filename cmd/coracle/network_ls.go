package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/slirp/networks"
)

// NetworkLsCmd is `coracle network ls`.
type NetworkLsCmd struct {
	Quiet     bool     `short:"q" help:"Names only."`
	NoTrunc   bool     `help:"Whole ids."`
	Format    string   `placeholder:"TEMPLATE|json" help:"Print in another form."`
	Filter    []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Only what fits: name, id, driver, label, label!, until, dangling, type."`
	NoHeading bool     `name:"noheading" short:"n" help:"Leave the titles out."`
}

// Run lists networks.
func (c *NetworkLsCmd) Run(ctx context.Context) (int, error) {
	if c.Quiet && c.Format != "" {
		return launcher.ExitFailed, errors.New("--quiet and --format contradict each other")
	}
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	list, err := fittingNetworks(all.Networks(), c.Filter)
	if err != nil {
		return launcher.ExitFailed, err
	}
	rows := []networkRow{}
	for _, n := range list {
		if n.Err != nil {
			fmt.Fprintln(os.Stderr, "coracle: "+n.Err.Error())
		}
		rows = append(rows, newNetworkRow(n))
	}
	l := format.List{
		Format: c.Format, NoHeading: c.NoHeading, Default: "{{.ID}}\t{{.Name}}\t{{.Driver}}",
		Headers: map[string]string{"ID": "NETWORK ID", "IPv6Enabled": "IPV6 ENABLED", "DNSEnabled": "DNS ENABLED", "EnableIPv6": "ENABLE IPV6", "IPv6": "IPV6"},
	}
	switch {
	case c.Quiet:
		for _, r := range rows {
			fmt.Println(r.Name)
		}
	case c.NoTrunc || strings.TrimSpace(c.Format) == "json" || strings.Contains(c.Format, "{{json"):
		err = l.Print(os.Stdout, rows)
	default:
		short := make([]shortRow, len(rows))
		for i, r := range rows {
			short[i] = shortRow{r}
		}
		err = l.Print(os.Stdout, short)
	}
	return status([]error{err})
}

// fittingNetworks are the networks that the filters want.
func fittingNetworks(all *launcher.Networks, filters []string) (fitting []*networks.Network, err error) {
	var users map[string][]string
	for _, f := range filters {
		if strings.HasPrefix(f, "dangling") {
			if users, err = all.Users(); err != nil {
				return nil, err
			}
		}
	}
	fits, err := networkFilter(filters, time.Now(), func(n *networks.Network) bool { return len(users[n.Name]) > 0 })
	if err != nil {
		return nil, err
	}
	list, err := all.List()
	for _, n := range list {
		if fits(n) {
			fitting = append(fitting, n)
		}
	}
	return fitting, err
}
