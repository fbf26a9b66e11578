package launcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/slirp"
	"coracle/storage"
)

// AddPort publishes a port, or a range, of a running container, as -p of run does,
// also for its next starts. It returns what was published. Errors:
// storage.ErrNoContainer, [ErrNotRunning], and that of slirp.Listen.
func (c *Containers) AddPort(name, port string) ([]Port, error) {
	return c.changePorts(name, addPort, port)
}

// RemovePort takes ports back that were published; who is connected stays. What
// port leaves out of the host's side may be anything.
func (c *Containers) RemovePort(name, port string) ([]Port, error) {
	return c.changePorts(name, removePort, port)
}

func (c *Containers) changePorts(name string, how byte, port string) ([]Port, error) {
	asked, err := slirp.ParsePorts(port)
	if err != nil {
		return nil, err
	}
	x, err := c.Running(name)
	if err != nil {
		return nil, err
	}
	client, err := dial(c.run, x.ID)
	if err != nil {
		return nil, err
	}
	defer client.f.Close()
	if err := client.send(msgPorts, append([]byte{controlVersion, how}, port...)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	}
	k, payload, fds, err := client.receive()
	closeAll(fds)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	case k != msgPublished:
		return nil, fmt.Errorf("container %s: %s", x.Name, text(payload))
	}
	changed := strings.Split(string(payload), "\n")
	var list []Port
	for _, text := range changed {
		if p, err := slirp.ParsePorts(text); err == nil {
			list = append(list, portOf(p[0]))
		}
	}
	if err := keepPorts(x, how, asked, changed); err != nil {
		return list, fmt.Errorf("container %s: the next start will not know of it: %w", x.Name, err)
	}
	return list, nil
}

// keepPorts makes the next start have the same. Of those that -P chose nobody
// knows before; they come again.
func keepPorts(x *containers.Container, how byte, asked []slirp.Port, changed []string) error {
	return changeIntent(x.Dir, func(_ *containers.Intent, o *intent.Options) error {
		if how == addPort {
			for _, p := range asked {
				o.Publish = append(o.Publish, p.String())
			}
		} else {
			o.Publish = without(o.Publish, changed)
		}
		return nil
	})
}

// changeIntent changes what a container was asked to be, as it is now: somebody else may
// do the same. Nothing is done to one that has no next start.
func changeIntent(d *storage.Dir, change func(i *containers.Intent, o *intent.Options) error) error {
	dir, err := unix.Open(d.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := retry(func() error { return unix.Flock(dir, unix.LOCK_EX) }); err != nil {
		return err
	}
	var i containers.Intent
	b, err := d.ReadFact(containers.IntentFact)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &i)
	}
	var o intent.Options
	if err == nil {
		err = json.Unmarshal(i.Options, &o)
	}
	if err == nil {
		err = change(&i, &o)
	}
	if err != nil {
		return err
	}
	if i.Options, err = o.Encode(); err != nil {
		return err
	}
	if b, err = json.Marshal(i); err != nil {
		return err
	}
	return d.WriteFact(containers.IntentFact, append(b, '\n'))
}

// without takes ports out of what was asked for, where ranges may stand.
func without(publish, removed []string) (left []string) {
	gone := slices.Clone(removed)
	for _, text := range publish {
		list, err := slirp.ParsePorts(text)
		if err != nil {
			continue // it was checked when the container was made
		}
		kept := slices.DeleteFunc(slices.Clone(list), func(p slirp.Port) bool {
			i := slices.IndexFunc(gone, func(text string) bool {
				r, err := slirp.ParsePorts(text)
				return err == nil && meant(p, r[0])
			})
			if i >= 0 {
				gone = slices.Delete(gone, i, i+1)
			}
			return i >= 0
		})
		if len(kept) == len(list) {
			left = append(left, text)
			continue
		}
		for _, p := range kept {
			left = append(left, p.String())
		}
	}
	return left
}
