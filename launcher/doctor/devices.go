package doctor

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// tun opens the device here and makes an interface in a child's network
// namespace: an outer container's device rules may allow one and not the other.
func tun(_ context.Context, e *exam) finding {
	const path = "/dev/net/tun"
	switch err := e.Open(path); {
	case errors.Is(err, fs.ErrNotExist):
		return lacks("not there", "sudo modprobe tun && echo tun | sudo tee /etc/modules-load.d/tun.conf\nor, in an outer container: --device "+path)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return lacks("no driver behind it", "sudo modprobe tun && echo tun | sudo tee /etc/modules-load.d/tun.conf")
	case errors.Is(err, fs.ErrPermission):
		return lacks("may not be opened", "sudo chmod 0666 "+path+"\nor, in an outer container: --device "+path)
	case err != nil:
		return lacks(err.Error(), "")
	}
	if e.unshare.err != nil {
		return blocked(e.unshare)
	}
	if s := e.unshare.step("tun"); s.Err != 0 {
		return lacks("opens, but makes no interface in a network namespace: "+s.Err.Error(), "mend the namespaces first")
	}
	return works("makes interfaces in a network namespace")
}

func fuse(_ context.Context, e *exam) finding {
	const path = "/dev/fuse"
	switch err := e.Open(path); {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return lacks("not there", "sudo modprobe fuse\nor, in an outer container: --device "+path)
	case errors.Is(err, fs.ErrPermission):
		return lacks("may not be opened", "sudo chmod 0666 "+path+"\nor, in an outer container: --device "+path)
	case err != nil:
		return lacks(err.Error(), "")
	}
	return works("opens")
}
