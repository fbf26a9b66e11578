//go:build containers_image_openpgp

package main

import (
	"errors"

	"coracle/storage/engine"
	"coracle/storage/engine/health"
)

// systemCommands are the commands of this group, by path.
func systemCommands() map[string]func() command {
	return map[string]func() command{
		"system df":    func() command { return &systemDf{} },
		"system prune": func() command { return &systemPrune{} },
		"system check": func() command { return &systemCheck{} },
		"system reset": func() command { return &systemReset{} },
	}
}

// health is everything the user has on disk. The image store must be there.
func (s *session) health() (*health.Store, error) {
	store, err := s.store()
	if err != nil {
		return nil, err
	}
	return &health.Store{Engine: store, Data: s.Data, Run: s.Run, Containers: healthFacts{s.containers()}}, nil
}

// damaged is health for commands that go on without the image store.
func (s *session) damaged() *health.Store {
	h := &health.Store{Data: s.Data, Run: s.Run, Containers: healthFacts{s.containers()}}
	if h.Engine, h.OpenError = s.store(); h.OpenError == nil {
		h.OpenError = h.Readable() // opening it reads none of the records
	}
	if h.OpenError != nil {
		h.Engine, s.opened = nil, nil
		h.Graph, h.GraphRun, _ = engine.Places()
	}
	return h
}

// errNoAnswer says that a question was asked where nobody answers.
var errNoAnswer = errors.New("nothing was removed: standard input gave no answer\n  fix: --force")
