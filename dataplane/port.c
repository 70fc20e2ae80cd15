/* SPDX-License-Identifier: BSD-3-Clause */
/* port.c - open, close, carrier: see port.h */

#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "port_parts.h"

#define CONNECT_WAITS 6u	/* looks at the carrier, 50 ms apart */

static int read_mac(struct pw_port *p, char why[PW_WHY_BYTES])
{
	struct rte_ether_addr mac;
	int status = rte_eth_macaddr_get(p->device[0].id, &mac);

	if (status)
		return pw_why(why, status, "the device does not tell its MAC: %s",
			      strerror(-status));
	memcpy(p->mac, mac.addr_bytes, PW_MAC_BYTES);
	return 0;
}

static void set_filters(struct pw_port *p)
{
	for (unsigned i = 0; i < p->paths; i++) {
		struct pw_encap_filter *f = &p->queue[i].filter;

		*f = (struct pw_encap_filter){
			.family = p->own.family ? p->own.family : PW_LANE_IPV4,
			.any_address = !p->own.family,
			.port = (uint16_t)(p->own.udp_port + i),
			.vlan = p->vlan,
		};
		memcpy(f->ip, p->own.ip, sizeof(f->ip));
	}
}

int pw_port_open(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	int status;

	memset(p, 0, sizeof(*p));
	p->paths = (uint16_t)args->paths;
	p->delay_target_us = args->delay_target_us;
	p->own = args->own;
	p->vlan = (uint16_t)args->vlan;
	p->is_memif = args->vdevs && pw_memif_is(args->vdev[0]);
	status = pw_interface_open(&p->interface, args, why);
	if (!status)
		status = pw_port_make_pools(p, args, why);
	if (!status)
		status = pw_port_create(p, args, why);
	for (unsigned i = 0; i < p->devices && !status; i++)
		status = pw_port_configure(p, &p->device[i], args, why);
	if (!status)
		status = read_mac(p, why);
	if (status)
		return status;
	set_filters(p);
	pw_port_tend(p);
	if (!p->is_nic)
		return 0;
	if (p->state == PW_PORT_STOPPED)
		return pw_why(why, -EIO, "%s does not start: %s", args->pci,
			      p->trouble[0] ? p->trouble : pw_eal_error());
	pw_port_look_at_link(p, args->pci);
	return 0;
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

/* What a NIC forgets when it is stopped. */
static int set_up_nic(struct pw_port *p, uint16_t id)
{
	int status = pw_port_steer_apply(&p->queues, id, p->trouble);

	if (status)
		rte_eth_dev_stop(id);
	return status;
}

/* All devices, or none. */
static bool start_devices(struct pw_port *p)
{
	for (unsigned i = 0; i < p->devices; i++) {
		uint16_t id = p->device[i].id;

		if (rte_eth_dev_start(id) || (p->is_nic && set_up_nic(p, id))) {
			while (i--)
				rte_eth_dev_stop(p->device[i].id);
			return false;
		}
		/* An interface stays as the kernel has it, also if we are killed. Between
		 * two processes the MACs are fixed, and not the device's; an IPv6
		 * neighbour is asked for by a group of its own. */
		if (p->interface.kind)
			continue;
		if (!p->own.family)
			rte_eth_promiscuous_enable(id);
		else if (p->own.family == PW_LANE_IPV6)
			rte_eth_allmulticast_enable(id);
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

struct stop {
	uint16_t id;
	sem_t done;
};

static void stop_memif(void *arg)
{
	struct stop *s = arg;

	rte_eth_dev_stop(s->id);
	sem_post(&s->done);
}

/* A memif whose peer goes is taken apart by DPDK's interrupt thread, without a
 * lock: a stop on another thread meanwhile would unmap the same memory and close
 * the same descriptors once more, whosoever they are by then. Alarms run on that
 * thread. False: not now. */
static bool stop_in_turn(uint16_t id)
{
	struct stop s = { .id = id };
	bool asked;

	sem_init(&s.done, 0, 0);
	asked = rte_eal_alarm_set(1, stop_memif, &s) == 0;
	while (asked && sem_wait(&s.done))
		;	/* a signal */
	sem_destroy(&s.done);
	return asked;
}

void pw_port_restart(struct pw_port *p)
{
	/* A memif serves for ever, but does not connect twice. A NIC finds its
	 * carrier again by itself, but keeps what it could not send: stopping it
	 * is what frees guest memory of a transfer that ends meanwhile. */
	bool stop = p->is_memif ? !p->far_end : p->is_nic && p->state == PW_PORT_LEAVING;

	p->state = PW_PORT_STARTED;
	if (stop && p->is_memif) {
		if (stop_in_turn(p->device[0].id))
			p->state = PW_PORT_STOPPED;
	} else if (stop) {
		rte_eth_dev_stop(p->device[0].id);
		p->state = PW_PORT_STOPPED;
	}
}

/* ---- ends ---- */

uint16_t pw_port_source_port(const struct pw_port *p, unsigned path,
			     const struct pw_lane_end *peer)
{
	return pw_port_steer_source_port(&p->queues, &p->own, peer, (uint16_t)path);
}

struct pw_encap_ends pw_port_ends(const struct pw_port *p, unsigned path,
				  const struct pw_lane_end *peer, uint16_t source_port)
{
	struct pw_encap_ends ends = { .own = p->own, .peer = *peer };

	if (p->own.family)
		memcpy(ends.own_mac, p->mac, PW_MAC_BYTES);
	else
		pw_encap_local_ends(&ends, p->far_end);
	ends.vlan = p->vlan;
	ends.source_port = source_port ? source_port : (uint16_t)(p->own.udp_port + path);
	ends.target_port = (uint16_t)((p->own.family ? peer->udp_port : p->own.udp_port) + path);
	return ends;
}

struct pw_congestion_config pw_port_congestion(const struct pw_port *p)
{
	uint64_t delay_target_ns = p->delay_target_us * 1000ull;

	/* A lane of shared memory has a ring that pushes back instead of a queue that
	 * overflows, and its round trip is the scheduler's: delay says nothing. */
	if (p->is_memif)
		return (struct pw_congestion_config){ .window_start = 512,
						      .window_min = 256,	/* the ring */
						      .window_max = PW_WINDOW_SLOTS,
						      .delay_target_ns = 100000000 };
	/* The kernel's rings are short and overflow in silence: 512 frames are the
	 * least of them. A round trip there is a few wake-ups: 100 us on idle cores,
	 * milliseconds on shared ones. */
	if (p->interface.kind)
		return (struct pw_congestion_config){
			.window_start = 128,
			.window_min = 16,
			.window_max = 256,
			.delay_target_ns = delay_target_ns ? delay_target_ns : 5000000,
		};
	return (struct pw_congestion_config){
		.window_start = 128,	/* 100 us at 100 Gbit/s */
		.window_min = 4,
		.window_max = PW_WINDOW_SLOTS / 2,
		.delay_target_ns = delay_target_ns ? delay_target_ns : 25000,
	};
}
