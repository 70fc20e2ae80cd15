#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kernel.sh - pagewire on the kernel of a fresh Debian 12, in a throw-away machine
#
# Linux 6.1 has no PAGEMAP_SCAN: what a guest writes is read from soft-dirty bits,
# with the guest parked for each reading. This kernel may have none of that, so it
# is tried where a newcomer has it. How long things take there means nothing.

here=$(dirname "$0")
. "$here/../e2e/lib.sh"
. "$here/machine.sh"

enough_s=180	# an idle machine of two cores takes 35

fill_root()
{
	mkdir -p "$1" && cp "$here/init" "$1/init" &&
		add_programs "$1" "$programs"/{pagewire,pagewired,pagewire-dp,pagewire-guest} \
			"$programs/tests/test_tracker_pagemap" /bin/busybox &&
		add_drivers "$1" net_memif mempool_ring bus_vdev && add_modules "$1" zsmalloc lzo-rle zram
}

status_of()
{
	cat "$work/out/$1.status" 2>/dev/null || echo "none: it did not get there"
}

test_boot()
{
	check "a kernel of Debian is there" find_kernel linux-image-cloud-amd64
	check "the machine has a root" fill_root "$work/root"
	make_image "$work/root" "$work/image"
	check "the machine boots, works and switches off" \
		boot_machine "$work/image" "$work" "$enough_s"
	[ -d "$work/out" ] || { tail -n 40 "$work/console"; return; }
	check "it ran that kernel: $kernel_version" \
		[ "$(cat "$work/out/kernel.out")" = "$kernel_version" ]
}

test_tracker()
{
	local log=$work/out/tracker.out
	check "tracker: its unit tests pass on that kernel" [ "$(status_of tracker)" = 0 ]
	check_text "tracker: no PAGEMAP_SCAN there" "cannot scan here: Operation not supported" "$log"
	check_text "tracker: soft-dirty bits of shared memory are exact" \
		"test_soft_dirty_of_a_real_process_is_exact_or_refused \.\.\. ok" "$log"
}

# check_demo NAME MODES - it moved the guest, and nothing of it was lost
check_demo()
{
	local in_force="tracker: soft-dirty, the guest is parked for each harvest"
	check "$1: exits 0" [ "$(status_of "$1")" = 0 ]
	json_checks "$work/out/$1.out" <<-END
		$1: $2 was run             | " ".join(r["mode"] for r in d["runs"]) == "$2"
		$1: every run is done      | all(r["result"] == "done" for r in d["runs"])
		$1: every run is verified  | all(r["verified"] is True for r in d["runs"])
		$1: every page was checked | all(r["pages_checked"] * 4096 >= r["memory_bytes"] + r["device_bytes"] for r in d["runs"])
		$1: no page is bad         | all(r["pages_bad"] == 0 for r in d["runs"])
		$1: no step was lost       | all(r["guest"]["continued"] for r in d["runs"])
	END
	check "$1: soft-dirty was in force" \
		[ "$(grep -c "$in_force" "$work/out/$1.log")" = "$(wc -w <<<"$2")" ]
	check "$1: no harvest failed" [ -z "$(grep "harvest:" "$work/out/$1.log")" ]
}

test_demo()
{
	check_demo demo "legacy enhanced"
	json_checks "$work/out/demo.out" <<-'END'
		demo: the second round moves what was written, and no more | all(0 < r["rounds"][1]["dirty_bytes"] < r["memory_bytes"] / 2 for r in d["runs"])
	END
}

# A page that is swapped out has no soft-dirty bit when it comes back.
test_swapping()
{
	check_text "swapped: the kernel swapped" "^pswpout [1-9]" "$work/out/swapped.vmstat"
	check_demo swapped enhanced
	check_text "swapped: it was noticed" "soft-dirty bits get lost" "$work/out/swapped.log"
	json_checks "$work/out/swapped.out" <<-'END'
		swapped: what is not certain is moved again | any(x["dirty_bytes"] == r["memory_bytes"] for r in d["runs"] for x in r["rounds"][1:])
	END
}

test_boot
if [ -d "$work/out" ]; then
	test_tracker
	test_demo
	test_swapping
	[ "$failed" -eq 0 ] || tail -n 30 "$work"/out/*.{err,log}
fi
done_testing
