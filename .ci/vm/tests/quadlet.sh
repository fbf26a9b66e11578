# users: dev
# A service made of a .container file: systemd starts, sees, restarts and stops it.
. ./lib.sh
can_run

cd
mkdir -p units
cat >units/web.container <<'UNIT'
[Unit]
Description=A test

[Container]
Image=coracle/base
ContainerName=web
Exec=sh -c "echo up as $$(id -u); trap 'exit 0' TERM; sleep 6000 & wait"
Environment=A=1
Volume=./data:/data

[Service]
Restart=on-failure
TimeoutStartSec=600

[Install]
WantedBy=default.target
UNIT
mkdir -p units/data
coracle run -q --rm coracle/base true # fetched
coracle quadlet install units/web.container
systemctl --user daemon-reload
systemctl --user enable --now web
has '^active$' systemctl --user is-active web

echo "it is a container like others"
has '^web running' coracle ps --format '{{.Names}} {{.State}}'
has '^up as 0$' coracle logs web
has '^1$' coracle exec web sh -c 'echo $A'
coracle exec web touch /data/made
[ -e units/data/made ]

echo "systemd's main process is the supervisor, and all is in the service's cgroup"
main=$(systemctl --user show -P MainPID web)
[ "$(cat /proc/$main/comm)" = coracle-supervi ]
has 'app.slice/web.service' cat "/proc/$(coracle inspect -f '{{.State.Pid}}' web)/cgroup"

echo "one that fails is started again"
first=$(coracle inspect -f '{{.ID}}' web)
coracle kill -s KILL web
replaced() {
	now=$(coracle inspect -f '{{.ID}} {{.State.Status}}' web) && [[ $now == *' running' && $now != "$first"* ]] && systemctl --user is-active -q web
}
until_true replaced

echo "coracle stop ends it, and it stays so; systemctl starts it again"
coracle stop web
until_true bash -c '! systemctl --user is-active -q web'
has '^inactive$' bash -c 'systemctl --user is-active web || :'
systemctl --user start web
systemctl --user stop web
has '^success$' systemctl --user show -P Result web
[ -z "$(coracle ps -aq --filter name=web)" ]

# For quadlet.after-boot.sh; TERM ends it, so that nothing waits for it.
coracle run -q -d --name left coracle/base sh -c 'trap "exit 0" TERM; sleep 6000 & wait'
has '^enabled$' systemctl --user is-enabled web
