/* SPDX-License-Identifier: BSD-3-Clause */
/* port.c - open, close, carrier: see port.h */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "port_parts.h"

#define CONNECT_WAITS 6u	/* looks at the carrier, 50 ms apart */

int pw_port_open(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	int status;

	memset(p, 0, sizeof(*p));
	p->paths = (uint16_t)args->paths;
	p->delay_target_us = args->delay_target_us;
	p->is_memif = args->vdevs && pw_memif_is(args->vdev[0]);
	status = pw_interface_open(&p->interface, args, why);
	if (!status)
		status = pw_port_make_pools(p, why);
	if (!status)
		status = pw_port_create(p, args, why);
	for (unsigned i = 0; i < p->devices && !status; i++)
		status = pw_port_configure(p, &p->device[i], args, why);
	if (!status)
		pw_port_tend(p);
	return status;
}

/* Where a NIC has more queues than we read it spreads our frames over all. */
static void say_unserved(const struct pw_port *p)
{
	uint64_t unserved = 0;

	for (unsigned i = p->paths; i < PW_STEER_QUEUES_MAX; i++) {
		struct pw_steer_count count;

		if (!pw_steer_count(&p->steer, i, &count))
			unserved += count.unserved;
	}
	if (unserved)
		fprintf(stderr, "pagewire-dp: %llu frames of the lane came to queues of %s that no "
			"path reads: ethtool -L %s combined %u\n", (unsigned long long)unserved,
			p->interface.name, p->interface.name, p->paths);
}

void pw_port_close(struct pw_port *p)
{
	if (p->is_memif) {
		if (p->devices && p->socket[0])
			unlink(p->socket);
		return;
	}
	for (unsigned i = 0; i < p->devices; i++) {
		if (p->state != PW_PORT_STOPPED)
			rte_eth_dev_stop(p->device[i].id);
		rte_eth_dev_close(p->device[i].id);
	}
	p->devices = 0;
	if (p->steer.object)
		say_unserved(p);
	pw_steer_detach(&p->steer);
	pw_interface_close(&p->interface);
}

/* ---- carrier ---- */

static void set_up_flag(struct pw_port *p, bool up)
{
	/* release; pairs with the acquire in pw_worker_run(): the port is started */
	for (unsigned i = 0; i < p->paths; i++)
		atomic_store_explicit(&p->queue[i].up, up, memory_order_release);
}

static bool has_carrier(const struct pw_port *p)
{
	for (unsigned i = 0; i < p->devices; i++) {
		struct rte_eth_link link = { 0 };

		if (rte_eth_link_get_nowait(p->device[i].id, &link) ||
		    link.link_status != RTE_ETH_LINK_UP)
			return false;
	}
	return true;
}

/* All devices, or none. */
static bool start_devices(const struct pw_port *p)
{
	for (unsigned i = 0; i < p->devices; i++) {
		if (rte_eth_dev_start(p->device[i].id)) {
			while (i--)
				rte_eth_dev_stop(p->device[i].id);
			return false;
		}
		/* An interface stays as the kernel has it, also if we are killed. */
		if (!p->interface.kind)
			rte_eth_promiscuous_enable(p->device[i].id);
	}
	return true;
}

bool pw_port_tend(struct pw_port *p)
{
	switch (p->state) {
	case PW_PORT_STOPPED:
		if (!start_devices(p))
			return false;
		p->state = PW_PORT_STARTED;
		p->waits = 0;
		/* fallthrough */
	case PW_PORT_STARTED:
		if (!has_carrier(p)) {
			/* Whoever connects to an end that is not ready is sent away. */
			if (++p->waits > CONNECT_WAITS)
				pw_port_restart(p);
			return false;
		}
		p->state = PW_PORT_UP;
		set_up_flag(p, true);
		return false;
	case PW_PORT_UP:
		if (has_carrier(p))
			return false;
		set_up_flag(p, false);
		p->state = PW_PORT_LEAVING;
		return true;
	default:
		return false;
	}
}

void pw_port_restart(struct pw_port *p)
{
	/* A NIC finds its carrier again by itself; a memif serves for ever, but
	 * does not connect twice. */
	p->state = PW_PORT_STARTED;
	if (p->is_memif && !p->far_end) {
		rte_eth_dev_stop(p->device[0].id);
		p->state = PW_PORT_STOPPED;
	}
}

struct pw_congestion_config pw_port_congestion(const struct pw_port *p)
{
	uint64_t delay_target_ns = p->delay_target_us * 1000ull;

	/* A software lane has a ring that pushes back instead of a queue that
	 * overflows, and its round trip is the scheduler's: delay says nothing. */
	if (p->is_memif)
		return (struct pw_congestion_config){ .window_start = 512,
						      .window_min = 256,	/* the ring */
						      .window_max = PW_WINDOW_SLOTS,
						      .delay_target_ns = 100000000 };
	/* The kernel's rings are short and overflow in silence: 512 frames are the
	 * least of them. A round trip there is a few wake-ups, 100 us on idle cores. */
	if (p->interface.kind)
		return (struct pw_congestion_config){
			.window_start = 128,
			.window_min = 16,
			.window_max = 256,
			.delay_target_ns = delay_target_ns ? delay_target_ns : 200000,
		};
	return (struct pw_congestion_config){
		.window_start = 128,	/* 100 us at 100 Gbit/s */
		.window_min = 4,
		.window_max = PW_WINDOW_SLOTS / 2,
		.delay_target_ns = delay_target_ns ? delay_target_ns : 25000,
	};
}
