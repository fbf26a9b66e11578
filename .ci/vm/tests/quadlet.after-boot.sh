# users: dev
# What quadlet.sh enabled came back with the machine, for a user who lingers.
. ./lib.sh
can_run

running() { [ "$(coracle ps --format '{{.Names}} {{.State}}')" = 'web running' ]; }
until_true running
has '^active$' systemctl --user is-active web
has '^up as 0$' coracle logs web
systemctl --user disable --now web
coracle quadlet rm web
[ -z "$(coracle ps -aq)" ]
