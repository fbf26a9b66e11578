# users: root
# A detached container outlives the terminal and, for a user who lingers, the
# session it was started in.
. ./lib.sh
can_run

echo "the terminal hangs up, and the session ends"
# script(1) makes a terminal; its end is the hang-up.
as dev script -qec 'coracle run -q -d --name out coracle/base sleep 600' /dev/null
has '^out running' as dev coracle ps --format '{{.Names}} {{.State}}'
has '^hello' as dev coracle exec out echo hello
as dev coracle rm -f -t 0 out

echo "the last session of one who does not linger"
# Debian lets processes outlive their session, which then stays as "closing".
as stock coracle run -q -d --name last coracle/base sleep 600
has '^last running' as stock coracle ps -a --format '{{.Names}} {{.State}}'
has '^hello' as stock coracle exec last echo hello

echo "where logout kills processes"
pid=$(as stock coracle inspect -f '{{.State.Pid}}' last)
loginctl terminate-user stock
until_true bash -c "! kill -0 $pid"
has '^last exited 137' as stock coracle ps -a --format '{{.Names}} {{.State}} {{.ExitCode}}'
as stock coracle start last
has '^last running' as stock coracle ps --format '{{.Names}} {{.State}}'
as stock coracle rm -f -t 0 last
