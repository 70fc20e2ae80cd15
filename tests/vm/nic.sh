#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# nic.sh [CASE...] - guests move between two NICs, through an IOMMU, in a throw-away machine
#
# The machine has an emulated VT-d and two NICs on a hub, which vfio-pci gives to
# two pagewired. Drivers, descriptor rings, DMA mappings and faults are those of a
# host with such NICs; only the silicon is emulated. How long it takes there means
# nothing. Cases: igb e1000e virtio narrow.

here=$(dirname "$0")
. "$here/../e2e/lib.sh"
. "$here/machine.sh"
. "$here/qemu.sh"

enough_s=120	# for a machine that takes 20 when it has two cores for itself
machine_type=q35
machine_memory=1280M

certificate()
{
	local name=$1
	shift
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$name" -keyout "$name.key" -out "$name.crt" "$@" 2>/dev/null
}

# An authority and a certificate of each host.
make_certificates()
{
	mkdir -p "$1" && (cd "$1" || exit 1
		certificate ca -addext basicConstraints=critical,CA:TRUE \
			-addext keyUsage=critical,keyCertSign || exit 1
		for name in host-a host-b; do
			certificate "$name" -CA ca.crt -CAkey ca.key -addext "subjectAltName=DNS:$name" \
				-addext extendedKeyUsage=serverAuth,clientAuth \
				-addext basicConstraints=critical,CA:FALSE || exit 1
		done)
}

fill_root()
{
	mkdir -p "$1" && cp "$here/nic-init" "$1/init" &&
		add_programs "$1" "$programs"/{pagewire,pagewired,pagewire-dp,pagewire-guest} /bin/busybox &&
		add_drivers "$1" net_e1000 net_virtio mempool_ring &&
		add_modules "$1" irqbypass vfio_virqfd vfio vfio_iommu_type1 vfio-pci-core vfio-pci &&
		make_certificates "$1/tls"
}

# boot NAME DEVICE PATHS WIDTH - the machine, once; what it left is in $out
boot()
{
	local device=$2
	out=$work/$1/out
	mkdir -p "$work/$1"
	machine_devices=(-device "intel-iommu,intremap=on,aw-bits=$4"
		-netdev hubport,id=n0,hubid=0 -netdev hubport,id=n1,hubid=0
		-device "$device,netdev=n0,mac=52:54:00:77:00:01,addr=8,romfile="
		-device "$device,netdev=n1,mac=52:54:00:77:00:02,addr=a,romfile=")
	machine_kernel="intel_iommu=on pw.paths=$3"
	SECONDS=0
	check "$1: the machine boots, works and switches off" \
		boot_machine "$work/image" "$work/$1" "$enough_s"
	echo "       $1: $SECONDS s"
	[ -d "$out" ] && return
	tail -n 30 "$work/$1/console"
	return 1
}

status_of()
{
	cat "$out/$1.status" 2>/dev/null || echo "none: it did not get there"
}

no_text()
{
	! grep -Eq -- "$1" "$2"
}

# check_moved NAME - the guest moved, nothing of it was lost, nothing was copied
check_moved()
{
	check "$1: the migration is done" [ "$(status_of migrate)" = 0 ]
	json_checks "$out/report.out" <<-END
		$1: the result is done | d["result"] == "done"
		$1: all of it was verified at the target | d["verified"] is True and d["verified_pages"] * 4096 >= d["memory_bytes"]
	END
	grep '"checked"' "$out/target.guest" >"$out/checked.out" 2>/dev/null
	json_checks "$out/checked.out" <<-END
		$1: the guest at the target finds no bad page | d["bad"] == 0 and d["pages"] * 4096 >= 64 << 20
		$1: it goes on where it stopped | d["continued"] is True
	END
	check "$1: guest memory was read where it is" \
		no_text "not mapped for the NIC" "$out/host-a.log"
	check "$1: the IOMMU saw no access that was not allowed" \
		no_text "DMAR:.*fault" "$out/run.dmesg"
	check "$1: everything ends in order" [ -f "$out/ended.out" ]
	[ "$failed" -eq 0 ] || tail -n 15 "$out"/*.{log,err,out,guest}
}

test_igb()
{
	boot igb igb 2 48 || return
	check_text "igb: without vfio-pci it says what to do" \
		"0000:00:08.0 has no driver: dpdk-devbind.py -b vfio-pci 0000:00:08.0" "$out/unbound.log"
	check_moved igb
	check "igb: each datagram comes to the queue of its path" \
		no_text "queues of other paths" "$out/host-b.log"
}

# This one has two receive queues and uses one: what is for the other path is
# passed on by the worker that got it.
test_e1000e()
{
	boot e1000e e1000e 2 48 || return
	check_moved e1000e
	check_text "e1000e: datagrams of path 1 come to path 0, which is said" \
		"queues of other paths" "$out/host-b.log"
	check "e1000e: and said once" [ "$(grep -c "queues of other paths" "$out/host-b.log")" = 1 ]
}

test_virtio()
{
	local modern=disable-legacy=on,iommu_platform=on,host_mtu=9000,mrg_rxbuf=on,rx_queue_size=1024
	boot virtio "virtio-net-pci,$modern" 1 48 || return
	check_moved virtio
}

# An IOMMU that is too narrow for the addresses of guest memory: nothing may be
# sent, and it has to be said why.
test_narrow()
{
	boot narrow igb 2 39 || return
	check "narrow: the migration fails" [ "$(status_of migrate)" = 1 ]
	check_text "narrow: it says how wide the IOMMU is, and what helps" \
		"the IOMMU has addresses of 39 bits, guest memory is at 0x7.*aw-bits=48" "$out/migrate.err"
	json_checks "$out/report.out" <<-'END'
		narrow: no byte was sent | d["result"] == "failed" and d["rounds"] == []
		narrow: the guest is running at the source | d["guest_is"] == "running at the source"
	END
	grep '"checked"' "$out/source.guest" >"$out/checked.out"
	json_checks "$out/checked.out" <<-'END'
		narrow: it is whole | d["bad"] == 0 and d["continued"] is True
	END
	check "narrow: everything ends in order" [ -f "$out/ended.out" ]
}

check "a kernel of Debian is there" find_kernel linux-image-amd64
check "a QEMU with igb is there" find_qemu 8
check "the machine has a root" fill_root "$work/root"
make_image "$work/root" "$work/image"
for name in ${*:-igb e1000e virtio narrow}; do
	"test_$name"
done
done_testing
