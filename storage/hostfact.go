package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What a kernel and a file system allow is found by trying, and remembered until
// the next boot in a file each below <Data>/host. A missing file means that
// nothing was tried yet.

const hostDir = "host"

// HostKey tells boots, containers and file systems apart: what was found
// with one key says nothing about another. Processes of one pid namespace
// compute the same, mapped root or not.
func HostKey(data string) string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var ns, dir unix.Stat_t
	_ = unix.Stat("/proc/self/ns/pid", &ns)
	for p := data; unix.Stat(p, &dir) != nil && p != "/" && p != "."; {
		p = filepath.Dir(p) // it is not there yet
	}
	return fmt.Sprintf("%s-%d-%d", strings.TrimSpace(string(boot)), ns.Ino, dir.Dev)
}

// The names of facts.
const (
	FactRedirect = "redirect" // [ProbeRedirect]: "yes" or "no"
	FactRoot     = "root"     // a [RootWay], when the kernel's overlay does not do
)

// HostFact reads what was found out since the last boot. It costs one failed
// open when there is nothing. Key is called when there is something.
func HostFact(data, name string, key func(data string) string) (value string, ok bool) {
	text, err := readFact(filepath.Join(data, hostDir, name), 4096)
	if err != nil {
		return "", false
	}
	fields := strings.Fields(string(text))
	if len(fields) != 3 || fields[0] != "v1" || fields[1] != key(data) {
		return "", false
	}
	return fields[2], true
}

// WriteHostFact remembers one, or forgets it when value is empty.
func WriteHostFact(data, name, key, value string) error {
	dir := filepath.Join(data, hostDir)
	if value == "" {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	writing, err := lockDir(dir, unix.LOCK_SH) // tells sweepers from a file that a killed process left
	if err != nil {
		return err
	}
	defer writing.Close()
	return writeFact(dir, name, []byte("v1 "+key+" "+value+"\n"), false)
}

// leftHostFacts lists those that were being written when their writer was killed.
func leftHostFacts(data string) (all []Leftover) {
	dir := filepath.Join(data, hostDir)
	left := hidden(dir)
	if len(left) == 0 || beingMade(dir) {
		return nil
	}
	for _, path := range left {
		all = append(all, Leftover{Path: filepath.Join(hostDir, filepath.Base(path)), What: "unfinished fact about this host"})
	}
	return all
}

// reapHostFacts deletes them.
func reapHostFacts(data string) (err error) {
	dir := filepath.Join(data, hostDir)
	if len(hidden(dir)) == 0 {
		return nil
	}
	none, err := lockDir(dir, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return nil //nolint:nilerr // one is being written; the next sweep will do it
	}
	defer none.Close()
	for _, path := range hidden(dir) {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}
