package intent

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fileLimit bounds an env or label file.
const fileLimit = 1 << 20

// parseKVFile reads the format of docker's --env-file and --label-file: one KEY[=VALUE] a line, in UTF-8,
// a byte order mark removed; leading white space is dropped, empty lines and lines starting with # are
// skipped; nothing is unquoted or expanded, and white space behind the = is part of the value.
func parseKVFile(what string, data []byte) ([]string, error) {
	s := string(data)
	if !utf8.ValidString(s) {
		return nil, fail(ErrInvalid, "%s is not UTF-8 text", what)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return nil, fail(ErrInvalid, "%s holds a NUL byte", what)
	}
	s = strings.TrimPrefix(s, "\uFEFF")
	var out []string
	n := 0
	for line := range strings.Lines(s) {
		n++
		// As bufio.ScanLines: the end is "\n" or "\r\n".
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, _ := strings.Cut(line, "=")
		if key == "" {
			return nil, fail(ErrInvalid, "%s, line %d: the name before \"=\" is empty", what, n)
		}
		if strings.ContainsAny(key, " \t") {
			return nil, fail(ErrInvalid, "%s, line %d: the name %q holds white space", what, n, key)
		}
		out = append(out, line)
	}
	return out, nil
}
