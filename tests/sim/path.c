/* SPDX-License-Identifier: BSD-3-Clause */
/* path.c - see path.h; the judge itself is judge.c, the forger forge.c */

#include <string.h>

#include "bed.h"
#include "forge.h"
#include "judge.h"
#include "placement.h"

#define RECORDS_FIRST 1024u
#define RECORDS_MAX   (1u << 20)

struct sim_record *sim_path_record(struct sim_path *p, uint64_t pn)
{
	uint64_t room = p->room ? p->room : RECORDS_FIRST;
	struct sim_record *records;

	SIM_CHECK(p->world, pn < RECORDS_MAX, "path %u: too many datagrams", p->number);
	if (pn < p->room)
		return &p->records[pn];
	while (room <= pn)
		room *= 2;
	records = sim_alloc(p->world, room * sizeof(*records));
	if (p->room)
		memcpy(records, p->records, p->room * sizeof(*records));
	p->records = records;
	p->room = room;
	return &p->records[pn];
}

static void receive(struct sim_path *p, struct sim_inlet *inlet, const struct sim_bytes *bytes)
{
	struct sim_arrival *arrival = p->bed->arrival;

	sim_judge_before(p, inlet, arrival, bytes);
	pw_receiver_on_datagram(&inlet->receiver, bytes->at, bytes->n, bytes->marked,
				p->world->now_ns);
	sim_judge_after(p, inlet, arrival);
}

void sim_path_on_datagram(struct sim_path *p, const struct sim_bytes *bytes)
{
	receive(p, &p->inlet, bytes);
}

void sim_path_on_stray(struct sim_path *p, const struct sim_bytes *bytes)
{
	receive(p, &p->astray, bytes);
}

void sim_path_on_ack(struct sim_path *p, const struct sim_bytes *bytes)
{
	uint64_t head = p->sender.window.head;
	uint32_t in_flight = p->sender.window.in_flight;

	pw_sender_on_ack(&p->sender, bytes->at, bytes->n, p->world->now_ns);
	SIM_CHECK(p->world,
		  bytes->intact ||
			  (head == p->sender.window.head && in_flight == p->sender.window.in_flight),
		  "path %u: a damaged ack settled something", p->number);
	sim_judge_window(p);
}

void sim_path_poll_source(struct sim_path *p, unsigned *moved)
{
	pw_sender_poll(&p->sender, p->world->now_ns, moved);
	sim_judge_window(p);
	sim_forge_ack(p);
}

void sim_path_poll_target(struct sim_path *p, unsigned *moved)
{
	pw_receiver_poll(&p->inlet.receiver, p->world->now_ns, moved);
	sim_forge_data(p);
}

bool sim_path_place_half(struct sim_path *p, const struct sim_bytes *bytes)
{
	struct pw_datagram d;

	if (!bytes->intact || !pw_wire_parse(bytes->at, bytes->n, &d) || d.type != PW_DATA ||
	    !pw_wire_payload_ok(&d) ||
	    pw_replay_check(&p->inlet.receiver.replay, d.pn) != PW_REPLAY_NEW ||
	    atomic_load(&p->target->sealed) ||
	    pw_slice_check(&p->target->slice_in[d.id][d.offset >> p->target->slice_shift],
			   d.epoch) != PW_EPOCH_OPEN)
		return false;
	pw_placement_copy(p->target->region[d.id].base + d.offset, d.payload,
			  sim_below(p->world, d.length));
	return true;
}

void sim_path_init(struct sim_path *p, struct sim_bed *bed, const struct sim_path_order *order)
{
	p->bed = bed;
	p->world = bed->world;
	p->migration = order->migration;
	p->shadow = order->shadow;
	p->taps = order->taps;
	p->source = order->source;
	p->target = order->target;
	p->attempt = order->attempt;
	p->regions = order->regions;
	p->number = order->number;
	p->first_epoch = order->first_epoch;
	p->source_end = (struct sim_end){ .path = p, .role = PW_SOURCE };
	p->target_end = (struct sim_end){ .path = p, .role = PW_TARGET };
	sim_bed_name(bed, &p->source_end);
	sim_bed_name(bed, &p->target_end);
}

static struct pw_link *leaving(struct sim_path *p, unsigned host)
{
	return &p->bed->lane[p->number].way[host].link.link;
}

void sim_path_open_source(struct sim_path *p)
{
	struct pw_sender_config config = p->bed->scenario.sender;

	config.path = (uint16_t)p->number;
	config.peer_cid = p->target_end.cid;
	pw_sender_init(&p->sender, p->source, leaving(p, sim_migration_source(p->migration)),
		       &p->source_stats, &config, p->world->now_ns);
}

void sim_path_open_target(struct sim_path *p)
{
	struct pw_link *back = leaving(p, sim_migration_target(p->migration));

	p->astray.number = 1;
	pw_receiver_init(&p->inlet.receiver, p->target, back, &p->inlet.stats, p->source_end.cid,
			 (uint16_t)p->number);
	pw_receiver_init(&p->astray.receiver, p->target, back, &p->astray.stats,
			 p->source_end.cid, (uint16_t)p->number);
}
