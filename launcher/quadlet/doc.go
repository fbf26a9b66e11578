// Package quadlet reads .container files (podman-systemd.unit(5)) and writes the
// systemd services that they stand for.
//
// [Parse] reads a file, [File.Service] is the text of the service. A file is
// its user's own, but may be copied from anywhere: what is not known is an error with
// its line, never left out. Nothing here touches the system.
package quadlet
