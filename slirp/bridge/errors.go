package bridge

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var (
	// ErrPermission says that the caller may not administer the host's network.
	ErrPermission = errors.New("no power over the host's network")
	// ErrKernel says that the kernel lacks a part of nf_tables.
	ErrKernel = errors.New("the kernel has no nf_tables that can do it")
)

// explain says what the kernel lacks.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: %w\n  fix: start it as root: sudo coracle …", ErrPermission, err)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w: %w; Linux 5.12 can, with nf_tables and nft_masq, nft_nat, nft_fib_inet and nft_ct\n  fix: sudo modprobe nf_tables, or --network slirp", ErrKernel, err)
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%w: %w\n  fix: sudo modprobe -a nft_chain_nat nft_masq nft_nat nft_fib_inet nft_ct nft_reject_inet, or --network slirp", ErrKernel, err)
	}
	return err
}
