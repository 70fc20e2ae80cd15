# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# qemu.sh - a QEMU that is new enough
#
#	. "$(dirname "$0")/qemu.sh"
#
#	find_qemu 8	# sets qemu, to the installed one or to that of bookworm-backports
#
# That one is unpacked into the user's cache, by its version, and runs with the
# libraries and the firmware of the installed one. Nothing is installed.

qemu_cache=${PAGEWIRE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pagewire}/qemu
qemu_packages=(qemu-system-x86 qemu-system-common qemu-system-data)

# The line of apt for backports, on the mirror and with the key that this system
# has Debian itself from.
backports_line()
{
	local file mirror key
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -f "$file" ] && grep -Eq '^Suites:.* bookworm( |$)|^Suites: *bookworm( |$)' "$file" || continue
		mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' "$file" | head -n 1)
		key=$(sed -n 's/^Signed-By: *\(\/.*\)/\1/p' "$file" | head -n 1)
	done
	[ -n "${mirror-}" ] || mirror=$(sed -En 's/^deb +(\[[^]]*\] +)?([^ ]+) +bookworm +.*/\2/p' \
		/etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1)
	echo "deb ${key:+[signed-by=$key] }${mirror:-http://deb.debian.org/debian} bookworm-backports main"
}

# apt of its own: it knows backports and nothing else, and what is installed here
# is not its business.
backports_apt()
{
	local command=$1 state=$qemu_cache/apt
	shift
	mkdir -p "$state"/{lists,cache/archives}/partial "$state/none" && : >"$state/status" &&
		backports_line >"$state/sources.list" || return 1
	"$command" -q -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts="$state/none" \
		-o Dir::Etc::preferencesparts="$state/none" -o Dir::State::Lists="$state/lists" \
		-o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

backports_version()
{
	backports_apt apt-cache show "${qemu_packages[0]}" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1
}

# unpack_qemu VERSION FOLDER
unpack_qemu()
{
	local part=$2.part package
	rm -rf "$part" && mkdir -p "$part" || return 1
	(cd "$part" && backports_apt apt-get download "${qemu_packages[@]/%/=$1}" >&2 || exit 1
		for package in ./*.deb; do
			dpkg -x "$package" . && rm "$package" || exit 1
		done) && mv "$part" "$2"
}

qemu_major()
{
	"$@" --version 2>/dev/null | sed -n '1s/.*version \([0-9]*\).*/\1/p'
}

# find_qemu MAJOR - false, and says why, if there is none of that version
find_qemu()
{
	local version folder lack
	qemu=(qemu-system-x86_64)
	[ "$(qemu_major "${qemu[@]}")" -lt "$1" ] || return 0
	mkdir -p "$qemu_cache" && exec 9>"$qemu_cache/.lock" && flock 9 || return 1
	folder=$(printf '%s\n' "$qemu_cache"/[0-9]*/ | sort -V | tail -n 1)
	if [ ! -d "$folder" ]; then
		backports_apt apt-get update >&2
		version=$(backports_version)
		folder=$qemu_cache/${version//:/%3a}
		[ -n "$version" ] && unpack_qemu "$version" "$folder" || folder=
	fi
	exec 9>&-
	[ -d "$folder" ] || { echo "QEMU $1 or newer is neither installed nor to be had from bookworm-backports" >&2; return 1; }
	qemu=("${folder%/}/usr/bin/qemu-system-x86_64" -L "${folder%/}/usr/share/qemu" -L /usr/share/seabios)
	lack=$(ldd "${qemu[0]}" | sed -n 's/ => not found//p' | xargs)
	[ -z "$lack" ] || { echo "the QEMU in $folder lacks libraries: $lack" >&2; return 1; }
}
