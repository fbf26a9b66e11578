package intent

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func (l *Limits) blkio(r *specs.LinuxResources) error {
	b := specs.LinuxBlockIO{}
	if n := l.BlkioWeight; n != nil && *n != 0 {
		if *n < 10 || *n > 1000 {
			return fail(ErrInvalid, "invalid --blkio-weight %d: 10 to 1000 are possible", *n)
		}
		b.Weight = n
	}
	for _, s := range l.BlkioWeightDevice {
		path, n, err := deviceRate("--blkio-weight-device", s, "a number from 10 to 1000", false)
		if err != nil {
			return err
		}
		if n < 10 || n > 1000 {
			return invalid("--blkio-weight-device", s, "10 to 1000 are possible")
		}
		d := specs.LinuxWeightDevice{}
		if d.Major, d.Minor, err = blockDevice("--blkio-weight-device", path); err != nil {
			return err
		}
		w := uint16(n)
		d.Weight = &w
		b.WeightDevice = append(b.WeightDevice, d)
	}
	for _, t := range []struct {
		flag  string
		list  []string
		bytes bool
		into  *[]specs.LinuxThrottleDevice
	}{
		{"--device-read-bps", l.DeviceReadBps, true, &b.ThrottleReadBpsDevice},
		{"--device-write-bps", l.DeviceWriteBps, true, &b.ThrottleWriteBpsDevice},
		{"--device-read-iops", l.DeviceReadIOPS, false, &b.ThrottleReadIOPSDevice},
		{"--device-write-iops", l.DeviceWriteIOPS, false, &b.ThrottleWriteIOPSDevice},
	} {
		for _, s := range t.list {
			want := "a number a second"
			if t.bytes {
				want = "a size a second, such as 10m"
			}
			path, n, err := deviceRate(t.flag, s, want, t.bytes)
			if err != nil {
				return err
			}
			d := specs.LinuxThrottleDevice{Rate: n}
			if d.Major, d.Minor, err = blockDevice(t.flag, path); err != nil {
				return err
			}
			*t.into = append(*t.into, d)
		}
	}
	if b.Weight != nil || b.WeightDevice != nil || b.ThrottleReadBpsDevice != nil || b.ThrottleWriteBpsDevice != nil ||
		b.ThrottleReadIOPSDevice != nil || b.ThrottleWriteIOPSDevice != nil {
		r.BlockIO = &b
	}
	return nil
}

// deviceRate reads DEVICE:N. Device paths may hold colons (/dev/disk/by-path/…), so the last one counts.
func deviceRate(flag, s, want string, bytes bool) (path string, n uint64, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || !filepath.IsAbs(s[:i]) {
		return "", 0, invalid(flag, s, "/dev/DEVICE:N is wanted, with "+want)
	}
	value := s[i+1:]
	if bytes {
		size, ok := parseSize(value)
		if !ok || size < 0 {
			return "", 0, invalid(flag, s, "after the colon "+want+" is wanted")
		}
		return s[:i], uint64(size), nil
	}
	if n, err = strconv.ParseUint(value, 10, 32); err != nil {
		return "", 0, invalid(flag, s, "after the colon "+want+" is wanted")
	}
	return s[:i], n, nil
}

// blockDevice finds the numbers of a block device.
func blockDevice(flag, path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fail(ErrNotFound, "%s: %s: %v", flag, path, err).fix("lsblk -p   (the block devices there are)")
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, 0, fail(ErrInvalid, "%s: %s is not a block device", flag, path).fix("lsblk -p   (the block devices there are)")
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil
}
