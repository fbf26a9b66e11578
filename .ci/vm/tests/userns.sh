# users: root
# What keeps users from containers on a real machine: doctor and run name the
# cause and the way out.
. ./lib.sh
can_run

settings=$(sysctl user.max_user_namespaces user.max_mnt_namespaces kernel.unprivileged_userns_clone)
mend() {
	sysctl -q -p - <<<"$settings"
	chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap
}
trap mend EXIT

echo "the kernel's switch"
sysctl -q kernel.unprivileged_userns_clone=0
fails 1 '^fail +user namespace +cannot be made: .*unprivileged_userns_clone is 0' as stock coracle doctor
fails 125 'unprivileged_userns_clone' as stock coracle run --rm coracle/base true
mend

echo "no user namespaces"
sysctl -q user.max_user_namespaces=0
fails 1 '^fail +namespace limits +no new namespaces of kind user' as stock coracle doctor
fails 125 'max_user_namespaces' as stock coracle run --rm coracle/base true
mend

echo "no mount namespaces"
sysctl -q user.max_mnt_namespaces=0
fails 1 '^fail +namespace limits +no new namespaces of kind mnt' as stock coracle doctor
fails 125 'max_mnt_namespaces|coracle doctor' as stock coracle run --rm coracle/base true
mend

echo "newuidmap without its setuid bit"
chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap
has '^(warn|fail) +newuidmap ' as stock bash -c 'coracle doctor || :'
fails 125 'newuidmap has neither a setuid bit of root nor file capabilities' as stock coracle run --rm coracle/base true
mend
