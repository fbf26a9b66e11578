# users: dev
# After a reboot, nobody has logged in: what quadlet.sh enabled has come back for a
# user who lingers, and what merely ran has ended.
. ./lib.sh
can_run

running() { [ "$(coracle ps --format '{{.Names}} {{.State}}')" = 'web running' ]; }
until_true running
until_true systemctl --user is-active -q web
until_true sh -c 'coracle logs web | grep -qx "up as 0"'
has '^1$' coracle exec web sh -c 'echo $A'
has 'app.slice/web.service' cat "/proc/$(coracle inspect -f '{{.State.Pid}}' web)/cgroup"

echo "a container that ran is one that has ended, and starts again"
has '^left exited$' coracle ps -a --filter name=left --format '{{.Names}} {{.State}}'
coracle start left
has '^left running$' coracle ps --filter name=left --format '{{.Names}} {{.State}}'
has '^hello$' coracle exec left echo hello
coracle rm -f -t 0 left

echo "disabled it ends, removed it is gone"
systemctl --user disable --now web
has '^inactive disabled $' bash -c 'echo $(systemctl --user is-active web; systemctl --user is-enabled web) ""'
[ -z "$(coracle ps -aq)" ]
coracle quadlet rm web
systemctl --user daemon-reload
fails 1 'No files found|not be found' systemctl --user cat web.service
[ -z "$(ls ~/.config/systemd/user/web.service 2>/dev/null)" ]
