# users: root
# Ubuntu's restriction: a program may make a user namespace, and has no
# capability in it. Debian's AppArmor can say the same of a folder.
. ./lib.sh
can_run
[ -d /sys/kernel/security/apparmor ] || die "AppArmor is not on"

abi=3.0 extra=
[ ! -e /etc/apparmor.d/abi/4.0 ] || abi=4.0 extra='allow mqueue, allow io_uring, allow userns,'
apparmor_parser -r <<PROFILE
abi <abi/$abi>,
profile restricted_userns /home/*/restricted/* {
  audit deny capability,
  audit deny change_profile,
  allow file rwlkm /{**,}, allow network, allow unix, allow ptrace, allow signal,
  allow mount, allow umount, allow pivot_root, allow dbus, $extra
  allow ux /usr/bin/newuidmap, allow ux /usr/bin/newgidmap,
  allow pix /** -> &restricted_userns,
}
PROFILE
install -D -o stock /usr/local/bin/coracle /home/stock/restricted/coracle
fails 1 '^fail +user namespace +made, but without capabilities' as stock /home/stock/restricted/coracle doctor
fails 125 'security module|AppArmor|coracle doctor' as stock /home/stock/restricted/coracle run --rm coracle/base true
rm -r /home/stock/restricted
