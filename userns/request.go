package userns

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Request is what the command line asks of a container's user namespace. The
// words mean what they mean to podman run.
type Request struct {
	// Mode is the value of --userns: "", "private", "host", "keep-id", "nomap",
	// "auto" or "container:NAME"; keep-id and auto take options after a colon.
	Mode string
	// UIDMap and GIDMap are the values of --uidmap and --gidmap.
	UIDMap, GIDMap []string
	// SubUIDName and SubGIDName are the values of --subuidname and --subgidname.
	SubUIDName, SubGIDName string

	// Taken are the maps of live containers started with auto: a new one shares
	// no id with them. Those of other modes do not belong here; most hold every
	// base id.
	Taken []Maps
	// ImageMaxUID and ImageMaxGID are the highest ids that the image's
	// passwd(5) and group(5) name, without nobody. Only auto asks.
	ImageMaxUID, ImageMaxGID uint32
}

// explicit tells whether a flag other than Mode asks for something.
func (r Request) explicit() bool {
	return len(r.UIDMap) > 0 || len(r.GIDMap) > 0 || r.named()
}

func (r Request) named() bool { return r.SubUIDName != "" || r.SubGIDName != "" }

// options are what follows the colon of a mode: "uid=1,gid=2". A key may come
// more than once where its values add up.
type options map[string][]string

// parseMode splits a mode and checks its options' names.
func parseMode(mode string) (name string, opts options, err error) {
	name, text, given := strings.Cut(mode, ":")
	allowed, known := map[string][]string{
		"":          nil,
		"private":   nil,
		"host":      nil,
		"nomap":     nil,
		"keep-id":   {"uid", "gid", "size"},
		"auto":      {"size", "uidmapping", "gidmapping"},
		"container": nil,
	}[name]
	switch {
	case !known || name == "" && given:
		return "", nil, fmt.Errorf("%w: --userns=%s is unknown\n  fix: use host, private, keep-id[:uid=,gid=,size=], auto[:size=,uidmapping=,gidmapping=], nomap or container:NAME",
			ErrBadRequest, mode)
	case name == "container":
		if text == "" {
			return "", nil, fmt.Errorf("%w: --userns=%s names no container\n  fix: --userns=container:NAME", ErrBadRequest, mode)
		}
		return name, options{"": {text}}, nil
	case !given:
		return name, nil, nil
	case allowed == nil:
		return "", nil, fmt.Errorf("%w: --userns=%s takes no options, not %q", ErrBadRequest, name, text)
	}
	opts = options{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || !slices.Contains(allowed, key) {
			return "", nil, fmt.Errorf("%w: --userns=%s has no option %q\n  fix: use %s=N",
				ErrBadRequest, name, part, strings.Join(allowed, "=N, "))
		}
		if len(opts[key]) > 0 && !strings.HasSuffix(key, "mapping") {
			return "", nil, fmt.Errorf("%w: --userns=%s has %s= twice", ErrConflict, name, key)
		}
		opts[key] = append(opts[key], value)
	}
	return name, opts, nil
}

// number returns the value of an option, or otherwise when it is not given.
func (o options) number(mode, key string, otherwise uint32) (uint32, error) {
	if len(o[key]) == 0 {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(o[key][0], 10, 32)
	if err != nil || n >= maxID || n == 0 && key == "size" {
		return 0, fmt.Errorf("%w: --userns=%s:%s=%s is not a number that fits", ErrBadRequest, mode, key, o[key][0])
	}
	return uint32(n), nil
}
