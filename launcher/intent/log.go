package intent

import (
	"strconv"
	"strings"
)

// Log is what --log-driver and --log-opt ask for.
type Log struct {
	// MaxSize in bytes begins a new file, 0 never; MaxFiles are kept.
	MaxSize  int64
	MaxFiles int
	// Path is the log's file, empty for one in the container's directory.
	Path string
	// Tag is a word for each entry, with the names of [TagWords] in it.
	Tag string
}

// logDrivers are the drivers, each with the options it has.
func logDrivers() map[string][]string {
	return map[string][]string{
		"k8s-file": {"max-size", "max-file", "path"}, "json-file": {"max-size", "max-file", "path", "tag"}, "journald": {"tag"},
		"none": {"max-size", "max-file"}, "passthrough": {"max-size", "max-file"},
	}
}

// TagWords are what may stand in a tag, docker's and podman's: {{.Name}} is
// replaced by the value for "Name".
func TagWords() []string {
	return []string{"ID", "FullID", "Name", "ImageName", "ImageID", "ImageFullID", "DaemonName"}
}

// Tag replaces the names in a tag by their values; ok is false when others are in it.
func Tag(tag string, values map[string]string) (text string, ok bool) {
	for rest := tag; ; {
		before, after, found := strings.Cut(rest, "{{")
		text += before
		if !found {
			return text, true
		}
		word, after, closed := strings.Cut(after, "}}")
		value, known := values[strings.TrimPrefix(strings.TrimSpace(word), ".")]
		if !closed || !known {
			return "", false
		}
		text, rest = text+value, after
	}
}

// LogLimits reads --log-opt.
func (o *Options) LogLimits() (l Log, err error) {
	l.MaxFiles = 1
	driver := o.LogDriver
	if driver == "" {
		driver = "k8s-file"
	}
	may := logDrivers()[driver]
	for _, opt := range o.LogOpt {
		key, value, _ := strings.Cut(opt, "=")
		known := false
		for _, m := range may {
			known = known || m == key
		}
		if !known {
			return Log{}, invalid("--log-opt", opt, strings.Join(may, ", ")+" are possible with --log-driver "+driver)
		}
		switch key {
		case "max-size":
			n, ok := parseSize(value)
			if !ok || n < 4096 {
				return Log{}, invalid("--log-opt", opt, "a size of at least 4k is wanted")
			}
			l.MaxSize = n
		case "max-file":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 1000 {
				return Log{}, invalid("--log-opt", opt, "a number from 1 to 1000 is wanted")
			}
			l.MaxFiles = n
		case "path":
			if value == "" || strings.HasSuffix(value, "/") {
				return Log{}, invalid("--log-opt", opt, "the path of a file is wanted")
			}
			l.Path = value
		case "tag":
			if l.Tag, err = checkTag(opt, value); err != nil {
				return Log{}, err
			}
		}
	}
	return l, nil
}

func checkTag(opt, tag string) (string, error) {
	values := make(map[string]string)
	for _, w := range TagWords() {
		values[w] = ""
	}
	if _, ok := Tag(tag, values); !ok || strings.ContainsAny(tag, "\n\x00") || len(tag) > 1000 {
		return "", invalid("--log-opt", opt, "text is wanted, with {{."+strings.Join(TagWords(), "}}, {{.")+"}} in it")
	}
	return tag, nil
}
