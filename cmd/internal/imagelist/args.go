package imagelist

import "strings"

// Plain reads the arguments of `coracle images` when they ask for no more than a
// catalog can answer without the engine: the usual list, in its usual forms.
func Plain(args []string) (o Options, ok bool) {
	words := map[string]*bool{
		"--all": &o.All, "--quiet": &o.Quiet, "--no-trunc": &o.NoTrunc, "--noheading": &o.NoHeading, "--digests": &o.Digests,
	}
	letters := map[rune]*bool{'a': &o.All, 'q': &o.Quiet, 'n': &o.NoHeading}
	for _, a := range args {
		if flag := words[a]; flag != nil {
			*flag = true
			continue
		}
		cluster, dash := strings.CutPrefix(a, "-")
		if !dash || cluster == "" {
			return Options{}, false
		}
		for _, l := range cluster {
			flag := letters[l]
			if flag == nil {
				return Options{}, false
			}
			*flag = true
		}
	}
	return o, true
}
