package launcher

import (
	"runtime/debug"
	"unsafe"
)

// version is set by the linker: -X coracle/launcher.version=v1.2.3.
var version = "devel"

// Version names the build.
func Version() string {
	if version != "devel" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return version
}

func ptr(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }
