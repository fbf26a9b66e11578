# users: dev
# Debian's systemd as process 1 of a container, with a part of the cgroup tree
# that systemd has handed to this user, and the container to it.
. ./lib.sh
can_run

root=/usr/local/share/systemd # whose files belong to dev's container root
coracle run -d --name box --hostname box --rootfs $root:O /sbin/init
settled() {
	state=$(coracle exec box systemctl is-system-running --wait 2>&1) || :
	[[ $state =~ ^(running|degraded) ]]
}
until_true settled || die "$state: $(coracle logs box)"
failed=$(coracle exec box systemctl list-units --failed --no-legend --plain)
# What fails, fails for want of a capability that containers do not get.
grep -v -E '^(systemd-(sysctl|modules-load|logind)|dev-|sys-|proc-)|^$' <<<"$failed" && die "units failed in the container: $failed"

has '^systemd$' coracle exec box cat /proc/1/comm
has '^ *dbus.service +loaded active running' coracle exec box systemctl list-units --no-pager dbus.service
coracle exec box systemd-run -q --unit hello --wait echo "hello from a unit"
has 'hello from a unit' coracle exec box journalctl --no-pager -u hello
has '^0::/(init.scope|system.slice)' coracle exec box sh -c 'cat /proc/1/cgroup'
# A limit that the container's own systemd sets.
coracle exec box systemd-run -q --unit small -p TasksMax=7 sleep 600
has '^7$' coracle exec box cat /sys/fs/cgroup/system.slice/small.service/pids.max
[ "$(coracle exec box cat /etc/machine-id)" = "$(coracle inspect -f '{{.ID}}' box | cut -c1-32)" ]

# SIGRTMIN+3 ends it in order: well before it would be killed.
coracle stop -t 300 box
has '^box exited (0|130)$' coracle ps -a --format '{{.Names}} {{.State}} {{.ExitCode}}'
coracle rm box

# By the flag for any name of it; not at all with false.
coracle run -d --name other --systemd always --rootfs $root:O /bin/sh -c 'exec /lib/systemd/systemd'
until_true sh -c '[ "$(coracle exec other cat /proc/1/comm)" = systemd ]'
coracle rm -f -t 0 other
fails 1 'Read-only' coracle run --rm --systemd false --rootfs $root:O /bin/sh -c 'touch /sys/fs/cgroup/x'
