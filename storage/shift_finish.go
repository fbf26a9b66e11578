package storage

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// finish makes the further links, and gives directories their owners and times,
// which making files in them would change.
func (c *copier) finish() error {
	for _, link := range c.links {
		if err := c.link(link); err != nil {
			return fmt.Errorf("link %q: %w", link.name, err)
		}
	}
	for _, dir := range c.dirs {
		if err := c.finishDir(dir); err != nil {
			return fmt.Errorf("copy %q: %w", dir.path, err)
		}
	}
	return nil
}

func (c *copier) link(link hardLink) error {
	from, err := beneath(c.dst, path.Dir(link.to), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := beneath(c.dst, path.Dir(link.name), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	err = unix.Linkat(from, path.Base(link.to), to, path.Base(link.name), 0)
	if errors.Is(err, unix.ENOENT) { // a device that was left out
		return nil
	}
	return err
}

func (c *copier) finishDir(d dirJob) error {
	dir := d.path
	src, err := beneath(c.sources[d.sources[0]], dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(src)
	dst, err := beneath(c.dst, dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dst)
	var st unix.Stat_t
	if err := unix.Fstat(src, &st); err != nil {
		return err
	}
	if err := c.attributes(src, dst, &st); err != nil {
		return err
	}
	c.count(0)
	return setTimes(dst, ".", &st)
}
