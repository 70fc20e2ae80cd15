/* SPDX-License-Identifier: BSD-3-Clause */
/* port_nic.c - a PCI device as a lane: see port.h */

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>

#include "eal.h"
#include "port_parts.h"
#include "port_pci.h"

#define SWEEP_FRAMES 32u
#define SWEEP_BYTES  60u	/* the shortest that Ethernet knows */
#define SWEEP_TYPE   0x88b5	/* set aside for experiments */

int pw_port_find_nic(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	struct pw_device *d = &p->device[0];
	struct rte_eth_dev_info info;
	int status = rte_eth_dev_get_port_by_name(args->pci, &d->id);

	if (!status)
		status = rte_eth_dev_info_get(d->id, &info);
	if (status)
		return pw_why(why, status, "DPDK does not take the NIC %s: %s", args->pci,
			      pw_eal_error()[0] ? pw_eal_error() : "it has no driver for this model");
	d->queues = p->paths;
	p->devices = 1;
	p->is_nic = true;
	p->is_shared = pw_pci_is_shared(PW_PCI_SYSFS, args->pci);
	p->dma_device = info.device;
	return 0;
}

/* A slot that is slower than the link is why a lane is slow for good. */
static void compare_slot(struct pw_port *p, const char *address)
{
	struct pw_pcie pcie = pw_pci_link(PW_PCI_SYSFS, address);
	uint32_t mbps = pw_pcie_mbps(pcie);

	if (mbps && p->link_mbps > mbps)
		pw_why(p->trouble, 0, "the link of %s carries %u Gbit/s, its slot (%u.%u GT/s x%u) "
		       "about %u: use another slot", address, p->link_mbps / 1000,
		       pcie.gt_per_s_x10 / 10, pcie.gt_per_s_x10 % 10, pcie.width, mbps / 1000);
}

void pw_port_look_at_link(struct pw_port *p, const char *address)
{
	struct rte_eth_link link = { 0 };

	if (rte_eth_link_get(p->device[0].id, &link) || link.link_status != RTE_ETH_LINK_UP ||
	    link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN)
		return;
	p->link_mbps = link.link_speed;
	compare_slot(p, address);
}

/* Some drivers look at what was sent only when they need the room. Frames to
 * ourselves make them: no switch sends those back to where they came from. */
void pw_port_sweep(const struct pw_queue *q)
{
	struct rte_mbuf *frames[SWEEP_FRAMES];
	struct rte_ether_addr own;
	uint16_t sent;

	if (rte_eth_macaddr_get(q->port, &own) ||
	    rte_pktmbuf_alloc_bulk(q->heads, frames, SWEEP_FRAMES))
		return;
	for (unsigned i = 0; i < SWEEP_FRAMES; i++) {
		struct rte_ether_hdr *ether = (struct rte_ether_hdr *)(void *)
			rte_pktmbuf_append(frames[i], SWEEP_BYTES);

		memset(ether, 0, SWEEP_BYTES);
		ether->dst_addr = own;
		ether->src_addr = own;
		ether->ether_type = RTE_BE16(SWEEP_TYPE);
	}
	sent = rte_eth_tx_burst(q->port, q->number, frames, SWEEP_FRAMES);
	rte_pktmbuf_free_bulk(frames + sent, SWEEP_FRAMES - (unsigned)sent);
}
