# users: dev stock
# A container's log in a real journal, which an ordinary user reads.
. ./lib.sh
can_run
coracle run --rm oci-archive:/usr/local/share/base.oci.tar true

coracle run -d --name talks --log-driver journald --log-opt tag=mark coracle/base sh -c '
	echo one; echo two >&2; echo three; echo four; trap "printf end; exit 3" TERM; sleep 600 & wait'
lines() { [ "$(coracle logs talks 2>&1 | sort | tr '\n' ' ')" = "$1" ]; }
until_true lines 'four one three two '
[ "$(coracle logs talks 2>/dev/null | tr '\n' ' ')" = 'one three four ' ]
[ "$(coracle logs talks 2>&1 >/dev/null)" = two ]
has '^journald$' coracle inspect -f '{{.HostConfig.LogConfig.Type}}' talks

echo "its fields are docker's and podman's"
id=$(coracle inspect -f '{{.ID}}' talks)
entry=$(journalctl --quiet --output=json CONTAINER_NAME=talks MESSAGE=one)
for field in "\"CONTAINER_ID_FULL\":\"$id\"" "\"CONTAINER_ID\":\"${id:0:12}\"" '"CONTAINER_TAG":"mark"' '"SYSLOG_IDENTIFIER":"mark"' '"PRIORITY":"6"' "\"_UID\":\"$(id -u)\""; do
	grep -q -F "$field" <<<"$entry" || die "no $field in $entry"
done
has '"PRIORITY":"3"' journalctl --quiet --output=json CONTAINER_NAME=talks MESSAGE=two

echo "followed to the container's end"
coracle logs -f talks >~/followed 2>/dev/null &
until_true grep -qx four ~/followed
coracle stop -t 600 talks
wait $!
[ "$(tr '\n' ' ' <~/followed)" = 'one three four end' ] || die "$(cat ~/followed)"
has '^talks exited 3' coracle ps -a --format '{{.Names}} {{.State}} {{.ExitCode}}'

echo "a second start adds to it"
coracle start talks
until_true sh -c '[ "$(coracle logs talks 2>/dev/null | grep -c one)" = 2 ]'
[ "$(coracle logs --tail 1 talks 2>&1 | wc -l)" = 1 ]
coracle rm -f -t 0 talks
