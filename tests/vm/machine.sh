# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# machine.sh - a throw-away machine with Debian's own kernel
#
#	. "$(dirname "$0")/machine.sh"
#
#	find_kernel linux-image-cloud-amd64	# downloads it, once; $kernel, $kernel_version
#	add_programs $work/root FILE...		# and add_drivers, add_modules, /init
#	make_image $work/root $work/image
#	boot_machine $work/image $work 120	# /out of the machine is $work/out afterwards
#
# QEMU emulates it: neither KVM nor root is needed, and it takes ten times as long
# for everything, or more. It has no disk, and no network but what machine_devices
# says. Its root is an initramfs,
# whose /init writes a tar of /out to the second serial port and switches it off.
# What the first one said is in $work/console.

cache=${PAGEWIRE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pagewire}/kernel

machine_memory=1536M
machine_cpus=2
machine_type=pc
machine_devices=()	# more arguments of QEMU
machine_kernel=	# and of the kernel
qemu=(qemu-system-x86_64)	# qemu.sh knows others

# ---- the kernel --------------------------------------------------------------

# Print the package that META depends on, and its version, as apt knows them.
newest_kernel()
{
	local name
	name=$(apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-\)/\1/p')
	[ -n "$name" ] || return 1
	echo "$name" "$(apt-cache show "$name" | sed -n 's/^Version: //p' | head -n 1)"
}

refresh_lists()
{
	local as_root=()
	[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
	"${as_root[@]}" apt-get -q update >&2
}

# unpack_kernel PACKAGE VERSION FOLDER - download it and unpack it; nothing is installed
unpack_kernel()
{
	local part=$3.part
	rm -rf "$part" && mkdir -p "$part" || return 1
	(cd "$part" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$1=$2" >&2 &&
		dpkg -x ./*.deb . && rm -f ./*.deb) && mv "$part" "$3"
}

# find_kernel META - sets kernel and kernel_version, to those of the newest that apt
# knows, or else of the newest of its kind that was downloaded before
find_kernel()
{
	local package version folder
	mkdir -p "$cache" && exec 9>"$cache/.lock" && flock 9 || return 1
	read -r package version < <(newest_kernel "$1" || { refresh_lists; newest_kernel "$1"; })
	folder=$cache/$package,$version
	if [ -n "$package" ] && [ ! -d "$folder" ]; then
		unpack_kernel "$package" "$version" "$folder" ||
			{ refresh_lists && unpack_kernel "$package" "$version" "$folder"; }
	fi
	exec 9>&-
	[ -d "$folder" ] || folder=$(printf '%s\n' "$cache"/*[0-9]"${1#linux-image}",*/ | sort -V | tail -n 1)
	kernel=$(printf '%s\n' "$folder"/boot/vmlinuz-*)
	kernel_version=${kernel##*/vmlinuz-}
	[ -f "$kernel" ] || { echo "apt does not offer $1 here, or it cannot be downloaded" >&2; return 1; }
}

# ---- its root ----------------------------------------------------------------

# add_libraries ROOT FILE... - the shared libraries that they are linked with
add_libraries()
{
	local root=$1
	shift
	ldd "$@" 2>/dev/null | sed -n 's/^\t\([^/]* => \)\{0,1\}\(\/[^ ]*\) (0x.*/\2/p' | sort -u |
		xargs -r cp -L --parents -t "$root"
}

# add_programs ROOT FILE... - to /bin, with their libraries
add_programs()
{
	local root=$1
	shift
	mkdir -p "$root/bin" && cp -L -t "$root/bin" "$@" && add_libraries "$root" "$@"
}

# add_drivers ROOT NAME... - those drivers of DPDK, where it looks for them. It opens
# all that it finds there: the machine is spared the other hundred.
add_drivers()
{
	local root=$1 name file
	shift
	for name; do
		for file in /usr/lib/*-linux-gnu/dpdk/pmds-*/librte_"$name".so; do
			cp -L --parents -t "$root" "$file" && add_libraries "$root" "$file" || return 1
		done
	done
}

# add_modules ROOT NAME... - modules of the kernel, to be inserted in this order
add_modules()
{
	local root=$1 name
	shift
	mkdir -p "$root/modules"
	for name; do
		find "${kernel%/boot/*}/lib/modules" -name "$name.ko" -exec cp -t "$root/modules" {} + &&
			[ -f "$root/modules/$name.ko" ] && echo "$name.ko" >>"$root/modules/order" || return 1
	done
}

# make_image ROOT IMAGE - not compressed: to read it takes the machine no time
make_image()
{
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0) >"$2"
}

# ---- its life ----------------------------------------------------------------

run_qemu()
{
	timeout --foreground -k 5 "$3" "${qemu[@]}" \
		-machine "$machine_type" -accel tcg,thread=multi -cpu max -smp "$machine_cpus" -m "$machine_memory" \
		-nodefaults -no-user-config -display none -monitor none -no-reboot \
		-kernel "$kernel" -initrd "$1" \
		-append "console=ttyS0 quiet loglevel=4 panic=-1 tsc=reliable no_timer_check mitigations=off $machine_kernel" \
		"${machine_devices[@]}" \
		-serial "file:$2/console" -serial "file:$2/out.tar" </dev/null
}

# Print what the emulator, which ended with STATUS, did wrong itself; false: nothing.
# QEMU 10.0 does so once in some dozens of runs: it aborts when one processor maps a
# device while another looks it up ("iotlb_to_section: Assertion `section_index <
# d->map.sections_nb' failed"), or a processor gets no more interrupts of its timer.
emulator_failed()
{
	case $1 in
	134)	echo "aborted" ;;
	124)	grep -q "kthread timer wakeup didn't happen" "$2/console" &&
			echo "lost the timer of a processor" ;;
	*)	return 1 ;;
	esac
}

# boot_machine IMAGE FOLDER SECONDS - until it is switched off; false if it was not
# by then, or left nothing in FOLDER/out. A run in which the emulator itself failed
# says nothing of what it emulates: it is made again, twice.
boot_machine()
{
	local attempt status failed

	for attempt in 1 2 3; do
		status=0
		run_qemu "$@" || status=$?
		failed=$(emulator_failed "$status" "$2") || break
		echo "       the emulator $failed, attempt $attempt of 3"
	done
	[ "$status" -eq 0 ] || return 1
	mkdir -p "$2/out" && tar -xf "$2/out.tar" -C "$2/out"
}
