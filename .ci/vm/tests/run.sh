# users: dev stock nosub
# A container from a local archive, for everybody who has a login.
. ./lib.sh
can_run

archive=oci-archive:/usr/local/share/base.oci.tar
has '^uid=0\(root\) gid=0\(root\)' coracle run --rm "$archive" id
has '^1$' coracle run --rm coracle/base sh -c 'echo $$'
fails 7 '' coracle run --rm coracle/base sh -c 'exit 7'
fails 127 nosuch coracle run --rm coracle/base nosuch
if [ "$(id -un)" = nosub ]; then
	has 'only one id can be mapped.*usermod --add-subuids' coracle run --rm coracle/base true
	has '^ +0 +0 +1$' coracle run --rm coracle/base cat /proc/self/uid_map
else
	has '^uid=1234 gid=77' coracle run --rm --user 1234:77 coracle/base id
fi

coracle run -d --name life coracle/base sh -c 'echo ready; exec sleep 600'
until_true grep -q ready <(coracle logs life)
has '^life running' coracle ps --format '{{.Names}} {{.State}}'
has '^1 sleep 600' coracle exec life sh -c 'echo 1 $(tr "\0" " " </proc/1/cmdline)'
coracle stop -t 0 life
has '^life exited' coracle ps -a --format '{{.Names}} {{.State}}'
coracle rm life
[ -z "$(coracle ps -aq)" ]
