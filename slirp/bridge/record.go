package bridge

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func (k Keeper) write(list []Setting) error {
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	path := k.path()
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("cannot note which settings are changed: %w", err)
	}
	return os.Rename(path+".new", path)
}

// record reads it. It is obeyed with the caller's power, so that nothing in it but
// switches of forwarding counts.
func (k Keeper) record() ([]Setting, error) {
	f, err := os.Open(k.path())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return nil, err
	}
	return decodeRecord(b)
}

func decodeRecord(b []byte) (list []Setting, err error) {
	var all []Setting
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("damaged record of what is forwarded: %w", err)
	}
	for _, s := range all {
		rest, ok := strings.CutPrefix(s.Path, sysctls)
		parts := strings.Split(rest, "/")
		if ok && len(parts) == 4 && parts[1] == "conf" && parts[2] != ".." && s.Value == "0" &&
			(parts[3] == forwarding4 && (parts[0] == "ipv4" || parts[2] == "all") || parts[0] == "ipv6" && parts[3] == forwarding6) {
			list = append(list, s)
		}
	}
	return list, nil
}
