# Shared by build and run: where things are, and the one QEMU command line.
vm_suite=${VM_SUITE:-bookworm}
vm_cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coracle/vm}/$vm_suite

# vm_qemu RUN ARGS…: RUN/ctl.in and RUN/ctl.out are the control pipes, RUN/share
# a folder of both sides, RUN/console the serial log. What the guest writes to
# its ports out and err goes to our descriptors 1 and 2.
#
# Software emulation: where CI runs, a nested KVM is either missing or slower.
vm_qemu() {
	local run=$1
	shift
	TMPDIR=$run exec qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-machine q35,sata=off,smbus=off -accel tcg,thread=multi,tb-size=512 -cpu Westmere -smp 2 -m 2048 \
		-kernel "$vm_cache/vmlinuz" -initrd "$vm_cache/initrd" \
		-device virtio-rng-pci -device vmgenid,guid=auto -nic none \
		-fsdev "local,id=share,path=$run/share,security_model=none" \
		-device virtio-9p-pci,fsdev=share,mount_tag=share \
		-device virtio-serial-pci \
		-chardev "pipe,id=ctl,path=$run/ctl" -device virtserialport,chardev=ctl,name=ctl \
		-add-fd fd=8,set=1 -chardev file,id=out,path=/dev/fdset/1,append=on -device virtserialport,chardev=out,name=out \
		-add-fd fd=9,set=2 -chardev file,id=err,path=/dev/fdset/2,append=on -device virtserialport,chardev=err,name=err \
		-serial "file:$run/console" "$@" </dev/null 8>&1 9>&2
}

# Kernel arguments. Mitigations cost time and guard nothing here.
vm_append='console=ttyS0 root=/dev/vda panic=-1 mitigations=off init_on_alloc=0 systemd.getty_auto=no systemd.show_status=no quiet'
