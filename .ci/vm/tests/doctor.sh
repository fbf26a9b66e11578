# users: dev stock nosub
# What `coracle doctor` says in a desktop session, and that it is so.
. ./lib.sh

version=$(uname -r)
old=$(printf '%s\n5.12\n' "$version" | sort -VC && echo yes || :)
if [ "$old" ]; then
	# 5.10 lacks mount_setattr: said up front, by doctor and by run.
	fails 1 '^fail +kernel +5\.10' coracle doctor
	fails 125 'mount_setattr|kernel' coracle run --rm coracle/base true
	exit
fi
coracle doctor >~/report || { cat ~/report; exit 1; }
has '^ok +systemd +answers at /run/user/' cat ~/report
has '^ok +runtime directory +/run/user/' cat ~/report
has '^ok +overlay ' cat ~/report
case $(id -un) in
dev) has '^ok +cgroup +version 2, .*: cpu cpuset io memory pids$' cat ~/report ;;
*)
	has '^warn +cgroup .*: cpu memory pids; missing: cpuset, io' cat ~/report
	has 'Delegate=cpu cpuset io memory pids' cat ~/report
	;;
esac
case $(id -un) in
nosub)
	has '^warn +sub-ids +no range for "nosub"' cat ~/report
	has 'fix: +sudo usermod --add-subuids [0-9-]+ --add-subgids [0-9-]+ nosub' cat ~/report
	;;
*) has '^ok +id maps +6553[67] uids and 6553[67] gids can be mapped' cat ~/report ;;
esac
