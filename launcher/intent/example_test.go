package intent_test

import (
	"errors"
	"fmt"

	"coracle/launcher/intent"
)

// A spec for `coracle run -v ./src:/src:ro alpine ls /src`, without a command line.
func ExampleBuild() {
	o := intent.Defaults()
	o.Argv = []string{"alpine", "ls", "/src"}
	o.Volume = []string{"./src:/src:ro"}
	spec, extra, err := intent.Build(intent.Input{
		Options: &o,
		ID:      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		Image:   &intent.ImageConfig{Env: []string{"PATH=/bin"}, WorkingDir: "/root"},
		Host: &intent.HostFacts{Cwd: "/home/ana", LastCap: 40, Stat: func(string) (intent.Stat, error) {
			return intent.Stat{}, nil
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(spec.Process.Args, "in", spec.Process.Cwd, "on", spec.Hostname, "network", extra.Network)
	for _, m := range spec.Mounts {
		if m.Destination == "/src" {
			fmt.Println(m.Source, m.Options)
		}
	}
	// Output:
	// [ls /src] in /root on 0123456789ab network slirp
	// /home/ana/src [rbind rprivate rro]
}

// Errors have a kind to act on and a text to print.
func ExampleError() {
	o := intent.Defaults()
	o.PID = "ns:/proc/1/ns/pid"
	err := o.Check()
	fmt.Println(errors.Is(err, intent.ErrNotYet))
	fmt.Println(err)
	// Output:
	// true
	// not yet available in this version: --pid ns:PATH
	//   fix: --pid container:NAME
}
