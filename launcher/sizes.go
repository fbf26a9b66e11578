package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"coracle/launcher/containers"
	"coracle/storage"
)

// SizesName is the argv[0] under which the program measures directories that only
// mapped root may read.
const SizesName = "coracle-sizes"

// Sizes tells how many bytes the changes of each container take, by id. It takes
// as long as reading the directories does.
func (c *Containers) Sizes(ctx context.Context, list []*containers.Container) (map[string]int64, error) {
	l := &launch{grant: c.grant, paths: storage.Paths{Run: c.run, Data: c.Data}}
	dirs := make(map[string]string)
	for _, x := range list {
		dirs[x.ID] = x.Upper()
	}
	if c.Inside || l.insideUnshare() == nil && l.shell != nil {
		return measure(ctx, dirs)
	}
	request, err := json.Marshal(dirs)
	if err != nil {
		return nil, err
	}
	var sizes map[string]int64
	answer, err := l.inquire(ctx, SizesName, request)
	if err == nil {
		err = json.Unmarshal(answer, &sizes)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot measure containers: %w", err)
	}
	return sizes, nil
}

// SizesMain is the main function of [SizesName].
func SizesMain() int {
	return helperMain(func(ctx context.Context) error {
		dirs := make(map[string]string)
		if err := json.NewDecoder(os.Stdin).Decode(&dirs); err != nil {
			return fmt.Errorf("cannot read the request: %w", err)
		}
		sizes, err := measure(ctx, dirs)
		if err != nil {
			return err
		}
		answer, err := json.Marshal(sizes)
		return errors.Join(err, conn{os.NewFile(3, "control")}.send(msgOutput, answer))
	})
}

func measure(ctx context.Context, dirs map[string]string) (map[string]int64, error) {
	sizes := make(map[string]int64)
	for id, dir := range dirs {
		size, err := storage.Measure(ctx, dir)
		if err != nil {
			return nil, err
		}
		sizes[id] = size
	}
	return sizes, nil
}
