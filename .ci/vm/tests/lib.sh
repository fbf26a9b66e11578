# Functions of the tests. Each command is traced with the second it began in: the
# log is shown when a test fails. Not to standard error, which tests catch.
exec 9>&2
BASH_XTRACEFD=9 PS4='+$SECONDS '
set -x

# skip REASON: this user or this machine cannot run the test.
skip() {
	set +x
	echo "$*"
	exit 77
}

die() {
	echo "$*" >&2
	exit 1
}

# has PATTERN COMMAND…: the command succeeds and prints a line that matches.
has() {
	local pattern=$1 text
	shift
	text=$("$@" 2>&1) || die "status $?: $*: $text"
	grep -Eq -e "$pattern" <<<"$text" || die "no \"$pattern\" in what $* printed: $text"
}

# fails STATUS PATTERN COMMAND…: the command ends with the status, and says why.
fails() {
	local want=$1 pattern=$2 text status=0
	shift 2
	text=$("$@" 2>&1) || status=$?
	[ "$status" = "$want" ] || die "status $status, not $want: $*: $text"
	grep -Eq -e "$pattern" <<<"$text" || die "no \"$pattern\" in what $* printed: $text"
}

# until_true COMMAND…: waits for the command to succeed.
until_true() {
	local n
	set +x
	for ((n = 0; n < 600; n++)); do
		! "$@" >/dev/null 2>&1 || { set -x; return 0; }
		sleep 0.2
	done
	die "never true: $*"
}

# as USER COMMAND…: runs a command as a user who has just logged in.
as() {
	local user=$1
	shift
	su -l "$user" -c "$(printf '%q ' "$@")" </dev/null
}

# can_run skips where no container can start: Linux 5.12 is needed.
can_run() {
	printf '5.12\n%s\n' "$(uname -r)" | sort -VC || skip 'kernel 5.12: mount_setattr(2) is needed'
}
