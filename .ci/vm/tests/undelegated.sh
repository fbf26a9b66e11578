# users: stock
# Limits whose controller Debian does not delegate: the error has the drop-in that
# delegates it, and the others go on.
. ./lib.sh
can_run
coracle run --rm oci-archive:/usr/local/share/base.oci.tar true
coracle run -d --name some -m 64m coracle/base sleep 600
dir=/sys/fs/cgroup$(coracle inspect -f '{{.State.CgroupPath}}' some)
has '^67108864$' cat "$dir/memory.max"

fails 125 '--cpuset-cpus cannot be enforced: the cpuset controller is not delegated to user@1001.service' coracle run --rm --cpuset-cpus 0 coracle/base true
fails 125 '/etc/systemd/system/user@.service.d/delegate.conf' coracle run --rm --cpuset-cpus 0 coracle/base true
fails 125 'Delegate=cpu cpuset io memory pids' coracle update --cpuset-cpus 0 some
has '^memory=67108864 ' coracle inspect -f '{{range .Limits}}{{.Name}}={{.Asked}} {{end}}' some
fails 125 'the io controller is not delegated' coracle run --rm --blkio-weight 10 coracle/base true
has 'missing: cpuset, io' coracle doctor
coracle update -m 96m some
has '^100663296$' cat "$dir/memory.max"
