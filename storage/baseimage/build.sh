#!/bin/sh
# Makes the base image: build.sh ARCH FILE
#
# ARCH is amd64 or arm64. Busybox is Debian's package busybox-static, found in
# this order:
#   $BUSYBOX_DEB    a package file
#   the installed package, when it is of that architecture
#   a download with apt-get, which needs no root and changes nothing: it works
#   in a directory of its own, also for a foreign architecture
set -eu
[ $# = 2 ] || { echo "usage: $0 ARCH FILE" >&2; exit 2; }
arch=$1 out=$2
case $out in /*) ;; *) out=$PWD/$out ;; esac
here=$(cd "$(dirname "$0")" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

root=$work/root
deb=${BUSYBOX_DEB:-}
if [ -z "$deb" ] && installed=$(dpkg-query -W -f '${db:Status-Status} ${Architecture} ${Version}' busybox-static 2>/dev/null) &&
	[ "${installed% *}" = "installed $arch" ]; then
	root= version=${installed##* }
else
	if [ -z "$deb" ]; then
		command -v apt-get >/dev/null || {
			echo "$0: neither apt-get nor busybox-static is here" >&2
			echo "  fix: BUSYBOX_DEB=busybox-static_VERSION_$arch.deb, from https://packages.debian.org/busybox-static" >&2
			exit 1
		}
		mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
		cat >"$work/apt.conf" <<-EOF
			APT::Architecture "$arch";
			#clear APT::Architectures;
			APT::Architectures { "$arch"; };
			APT::Sandbox::User "";
			Acquire::Languages "none";
			Dir::State::lists "$work/lists";
			Dir::State::status "/dev/null";
			Dir::Cache "$work/cache";
		EOF
		export APT_CONFIG="$work/apt.conf"
		apt-get -qq update
		(cd "$work" && apt-get -qq download busybox-static)
		deb=$(echo "$work"/busybox-static_*.deb)
	fi
	dpkg-deb -x "$deb" "$root"
	version=$(dpkg-deb -f "$deb" Version)
fi
busybox=$root/bin/busybox
[ -e "$busybox" ] || busybox=$root/usr/bin/busybox
# For this machine, whatever is being built.
GOOS='' GOARCH='' go -C "$here" run ./cmd/mkbase -o "$out" -arch "$arch" -version "$version" \
	-busybox "$busybox" -copyright "$root/usr/share/doc/busybox-static/copyright"
