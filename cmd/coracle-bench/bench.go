package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"coracle/userns"
)

// bench is a benchmark at work.
type bench struct {
	world   *world
	sampler *sampler
	layout  string // the image, as files
	peers   []peer // that take part, coracle first
	notes   []string
	ids     int
}

// amounts says how often what is measured.
type amounts struct {
	rounds  int
	batches []batchSize
	running []int // containers at once for the memory of each
	stores  []int
	resting int // containers at once that do nothing
	// logBytes pass through logs -f.
	logBytes int64
}

type batchSize struct{ size, rounds int }

func (o options) amounts() amounts {
	if o.Quick {
		return amounts{rounds: min(o.Rounds, 5), batches: []batchSize{{10, 2}}, running: []int{1, 5}, stores: []int{1, 100}, resting: 5, logBytes: 32e6}
	}
	return amounts{
		rounds:  o.Rounds,
		batches: []batchSize{{10, max(2, o.Rounds/3)}, {100, max(1, o.Rounds/10)}},
		running: []int{1, 20},
		stores:  []int{1, 100, 1000},
		resting: 100, logBytes: 1e9,
	}
}

// measure does everything. Only what concerns coracle itself is an error; a
// peer that is missing or fails is left out, and the report says so.
func measure(ctx context.Context, o options, w *world) (*Report, error) {
	s, err := newSampler()
	if err != nil {
		return nil, err
	}
	defer s.close()
	b := &bench{world: w, sampler: s, layout: w.path("image")}
	r := &Report{Host: lookAround(w.Home)}
	if err := w.prepare(); err != nil {
		return nil, fmt.Errorf("cannot prepare: %w", err)
	}
	if r.Image, err = makeLayout(b.layout); err != nil {
		return nil, err
	}
	grant, err := userns.Lookup(ctx)
	if err != nil {
		return nil, err
	}
	st := stage{root: w.path("root"), bundles: w.path("bundles"), coracle: o.Coracle}
	if b.notes, err = st.build(b.layout, grant); err != nil {
		return nil, err
	}
	if grant.Note != "" {
		b.note("%s", grant.Note)
	}
	if r.Peers, err = b.warmUp(ctx, only(st.peers(), o.Only)); err != nil {
		return nil, err
	}
	if err := b.measureAll(ctx, o.amounts(), r); err != nil {
		return nil, err
	}
	if r.Life, err = b.measureLife(ctx, o.amounts(), st.bundles); err != nil {
		return nil, err
	}
	r.Host.After = load()
	r.Targets = r.targets()
	r.Notes = b.notes
	return r, nil
}

// measureAll fills the report.
func (b *bench) measureAll(ctx context.Context, a amounts, r *Report) error {
	progress("one run, %d rounds of %d programs", a.rounds, len(b.peers))
	one, err := b.rounds(ctx, a.rounds, 1, b.peers)
	if err != nil {
		return err
	}
	r.One = one
	holding := slices.DeleteFunc(slices.Clone(b.peers), func(p peer) bool { return !p.holds })
	for _, batch := range a.batches {
		progress("%d at once, %d rounds of %d programs", batch.size, batch.rounds, len(holding))
		rows, err := b.rounds(ctx, batch.rounds, batch.size, holding)
		if err != nil {
			return err
		}
		r.Batches = append(r.Batches, Batch{batch.size, rows})
	}
	for _, p := range holding {
		for _, n := range a.running {
			progress("memory of %s, %d running", p.name, n)
			rows, err := b.sampler.measureMemory(ctx, b.world, p, n, b.id)
			if err != nil {
				b.note("memory of %s, %d running: %s", p.name, n, oneLine(err))
			}
			r.Memory = append(r.Memory, rows...)
		}
	}
	progress("coracle with %d images and containers, %d rounds", a.stores, a.rounds)
	r.Stores, err = b.measureStores(ctx, a.rounds, a.stores)
	return err
}

// warmUp runs every program twice, so that caches are full and one that does
// not work here is known. Coracle, the first, takes the image into the store.
func (b *bench) warmUp(ctx context.Context, all []peer) ([]Peer, error) {
	var report []Peer
	for i, p := range all {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted: %w", ctx.Err())
		}
		p, err := p.locate()
		if err == nil {
			progress("warming up %s", p.name)
			err = b.try(p)
		}
		if err != nil && i == 0 {
			return nil, fmt.Errorf("coracle does not work here: %w", err)
		}
		if err != nil {
			report = append(report, Peer{Name: p.name, Absent: oneLine(err)})
			continue
		}
		b.peers = append(b.peers, p)
		report = append(report, Peer{Name: p.name, Version: p.askVersion(b.world)})
	}
	return report, nil
}

func (b *bench) try(p peer) error {
	argv := p.argv(b.id(), trueCommand()...)
	if p.name == "coracle" {
		if _, err := b.sampler.run(b.world, importArgs(p, b.layout)); err != nil {
			return err
		}
	} else if _, err := b.sampler.run(b.world, argv); err != nil && b.sampler.settle(0) {
		return err
	}
	if names := b.sampler.adopt(); len(names) > 0 {
		b.note("%s leaves running, and is allowed to: %v", p.name, names)
	}
	_, err := b.sampler.run(b.world, p.argv(b.id(), trueCommand()...))
	return err
}

// rounds measures so many runs at once of some programs, in turn.
func (b *bench) rounds(ctx context.Context, n, size int, peers []peer) ([]Row, error) {
	var entries []entry
	for _, p := range peers {
		entries = append(entries, entry{p.name, func() (sample, error) {
			var commands [][]string
			for range size {
				commands = append(commands, p.argv(b.id(), trueCommand()...))
			}
			return b.sampler.run(b.world, commands...)
		}})
	}
	all, err := rounds(ctx, n, entries)
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		if s.err != nil && i == 0 {
			return nil, fmt.Errorf("coracle, %d at once: %w", size, s.err)
		}
		if s.err != nil {
			b.note("%s, %d at once: left out after %d rounds: %s", s.name, size, len(s.samples), oneLine(s.err))
		}
	}
	return rowsOf(all), nil
}

func (b *bench) coracle() peer { return b.peers[0] }

// id is a container id that no other run of this benchmark has.
func (b *bench) id() string {
	b.ids++
	return fmt.Sprintf("%d-%d", os.Getpid(), b.ids)
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// progress tells the waiting user what is being done.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "coracle-bench: "+format+"\n", args...)
}
