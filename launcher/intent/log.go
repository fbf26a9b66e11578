package intent

import (
	"strconv"
	"strings"
)

// LogLimits reads --log-opt: the size in bytes at which a new log file is begun,
// 0 for never, and how many files are kept.
func (o *Options) LogLimits() (size int64, files int, err error) {
	files = 1
	for _, opt := range o.LogOpt {
		key, value, _ := strings.Cut(opt, "=")
		switch key {
		case "max-size":
			n, ok := parseSize(value)
			if !ok || n < 4096 {
				return 0, 0, invalid("--log-opt", opt, "a size of at least 4k is wanted")
			}
			size = n
		case "max-file":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 1000 {
				return 0, 0, invalid("--log-opt", opt, "a number from 1 to 1000 is wanted")
			}
			files = n
		default:
			return 0, 0, invalid("--log-opt", opt, "max-size and max-file are possible")
		}
	}
	return size, files, nil
}
