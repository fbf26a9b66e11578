# users: dev stock
# Limits in a systemd session: a scope for each container.
. ./lib.sh
can_run
coracle run --rm oci-archive:/usr/local/share/base.oci.tar true

# cgroup CONTAINER: the directory of its cgroup.
cgroup() { echo "/sys/fs/cgroup$(coracle inspect -f '{{.State.CgroupPath}}' "$1")"; }
scopes() { systemctl --user list-units --no-legend 'coracle-*.scope'; }

echo "a container without limits is where its caller is; a detached one has a scope"
has "^0::/$" coracle run --rm coracle/base cat /proc/self/cgroup
[ -z "$(scopes)" ]
coracle run -d --name plain coracle/base sleep 600
has "/user@$(id -u).service/app.slice/coracle-[0-9a-f]{64}.scope/container$" cgroup plain
has running scopes
has "^0::/$" coracle exec plain cat /proc/self/cgroup
has 'scope/supervisor$' cat "/proc/$(coracle inspect -f '{{.State.ConmonPid}}' plain)/cgroup"

echo "limits are enforced"
fails 137 '' coracle run --name oom -m 32m coracle/base sh -c 'x=a; while :; do x=$x$x; done'
has '^true 137$' coracle inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' oom
fails 2 "can't fork" coracle run --rm --pids-limit 5 coracle/base sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait'
has '^67108864$' coracle run --rm -m 64m coracle/base cat /sys/fs/cgroup/memory.max
coracle run -d --name some -m 64m --cpus 0.5 --pids-limit 50 coracle/base sleep 600
dir=$(cgroup some)
[ "$(cat "$dir/memory.max" "$dir/memory.swap.max" "$dir/cpu.max" "$dir/pids.max" | tr '\n' ' ')" = "67108864 67108864 50000 100000 50 " ]
has '^67108864 134217728 500000000 50$' coracle inspect -f '{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.NanoCpus}} {{.PidsLimit}}{{end}}' some
has '^memory 67108864 67108864 memory.max;memory-swap 134217728 67108864 memory.swap.max;cpu-quota 50000/100000 50000 100000 cpu.max;pids-limit 50 50 pids.max;$' \
	coracle inspect -f '{{range .Limits}}{{.Name}} {{.Asked}} {{.Enforced}} {{.File}};{{end}}' some

echo "and changed"
coracle update -m 96m --cpus 0 some
[ "$(cat "$dir/memory.max" "$dir/cpu.max" | tr '\n' ' ')" = "100663296 max 100000 " ]
coracle restart -t 0 some
dir=$(cgroup some)
[ "$(cat "$dir/memory.max" "$dir/pids.max" | tr '\n' ' ')" = "100663296 50 " ]
# One that was made without limits gets the controllers it needs.
coracle update --pids-limit 20 plain
has '^20$' cat "$(cgroup plain)/pids.max"

if [ "$(id -un)" = dev ]; then
	echo "nothing is left of one whose supervisor is killed"
	dir=$(cgroup some)
	kill -9 "$(coracle inspect -f '{{.State.ConmonPid}}' some)"
	until_true test ! -e "$dir"
	coracle start some
	has '^100663296$' cat "$(cgroup some)/memory.max"

	echo "a slice of the user's choice"
	coracle run -d --name sliced --cgroup-parent coracletest.slice coracle/base sleep 600
	has "/coracletest.slice/coracle-[0-9a-f]+.scope/container$" cgroup sliced
	fails 125 'with systemd it is the name of a slice' coracle run --rm --cgroup-parent /x coracle/base true

	echo "a container that may make cgroups does so below its own, and cannot lift its limits"
	has "^0::/in$" coracle run --rm --privileged -m 64m coracle/base sh -c '
		mkdir /sys/fs/cgroup/in && echo 1 >/sys/fs/cgroup/in/cgroup.procs && cat /proc/self/cgroup'
	fails 1 'not permitted|denied' coracle run --rm --privileged -m 64m coracle/base sh -c 'echo max >/sys/fs/cgroup/memory.max'
	fails 1 'Read-only' coracle run --rm -m 64m coracle/base mkdir /sys/fs/cgroup/in

	echo "in a unit that has handed its cgroup over, and without systemd"
	unit=(systemd-run --user --quiet --wait --pipe -p Delegate=yes)
	both=$("${unit[@]}" coracle run --rm --cgroups split -m 64m coracle/base cat /proc/self/cgroup /sys/fs/cgroup/memory.max)
	[ "$both" = "0::/"$'\n'67108864 ] || die "$both"

	has '^0$' coracle run --rm --cpuset-cpus 0 coracle/base cat /sys/fs/cgroup/cpuset.cpus.effective
	has '^default 1$|^50$' coracle run --rm --blkio-weight 10 coracle/base cat /sys/fs/cgroup/io.weight
	has '^253:0|^254:0' coracle run --rm --device-read-bps /dev/vda:1m coracle/base cat /sys/fs/cgroup/io.max
	has 'ok +cgroup +version 2, a scope of systemd' coracle doctor
fi

fails 125 'cgroup version 2 has no such limit' coracle run --rm --memory-swappiness 10 coracle/base true
fails 125 'cgroup version 2 has no such limit' coracle run --rm --oom-kill-disable coracle/base true
coracle rm -f -t 0 -a
until_true bash -c '[ -z "$(systemctl --user list-units --no-legend "coracle-*.scope")" ]'
