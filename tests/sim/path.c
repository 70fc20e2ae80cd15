/* SPDX-License-Identifier: BSD-3-Clause */
/* path.c - see path.h; the judge itself is judge.c */

#include <string.h>

#include "judge.h"
#include "path.h"

#define FORGE_1_IN 2000u	/* polls */

/* A frame was taken by the link to the target. */
static void on_forth_taken(void *who, const struct pw_frame *frame)
{
	sim_judge_sent(who, frame);
}

/* What a worker does with a datagram: look at the envelope, hand it on. */
static void receive(struct sim_path *p, struct sim_inlet *inlet, const struct sim_bytes *bytes)
{
	struct sim_arrival arrival = { 0 };
	struct pw_envelope env;

	if (!pw_wire_peek(bytes->at, bytes->n, &env) || env.type == PW_ACK)
		return;
	sim_judge_before(p, inlet, &arrival, bytes);
	pw_receiver_on_datagram(&inlet->receiver, bytes->at, bytes->n, false, p->world->now_ns);
	sim_judge_after(p, inlet, &arrival);
}

static void on_forth_arrival(void *who, const uint8_t *bytes, uint32_t n, bool intact)
{
	struct sim_path *p = who;

	receive(p, &p->inlet, &(struct sim_bytes){ bytes, n, intact });
}

static void on_forth_stray(void *who, const uint8_t *bytes, uint32_t n)
{
	struct sim_path *p = who;

	receive(p, &p->astray, &(struct sim_bytes){ bytes, n, true });
}

static void on_back_taken(void *who, const struct pw_frame *frame)
{
	sim_judge_ack(who, frame);
}

static void on_back_arrival(void *who, const uint8_t *bytes, uint32_t n, bool intact)
{
	struct sim_path *p = who;
	struct pw_envelope env;
	uint64_t head = p->sender.window.head;
	uint32_t in_flight = p->sender.window.in_flight;

	if (!pw_wire_peek(bytes, n, &env) || env.type != PW_ACK)
		return;
	pw_sender_on_ack(&p->sender, bytes, n, p->world->now_ns);
	SIM_CHECK(p->world,
		  intact || (head == p->sender.window.head && in_flight == p->sender.window.in_flight),
		  "path %u: a damaged ack settled something", p->number);
	sim_judge_window(p);
}

/* An ack, well formed, of what was never sent: refused as a whole. */
static void forge_ack(struct sim_path *p)
{
	struct pw_envelope env = { .cid = 0, .path = (uint16_t)p->number };
	struct pw_ack ack = { .next = p->sender.window.tail, .words = 2 };
	uint8_t bytes[PW_ACK_BYTES_MAX];
	uint64_t refused = p->source_stats.rx_bad_ack;
	unsigned n;

	if (sim_chance(p->world, 3000)) {
		ack.next += sim_between(p->world, 1, 100);
	} else {
		uint64_t back = sim_between(p->world, ack.next > 0, 60);

		ack.next -= back < ack.next ? back : ack.next;
		back = p->sender.window.tail - ack.next;	/* bit back - 1 would be the tail's */
		ack.bitmap[0] = 1ull << (back ? back - 1 : 0);
	}
	n = pw_wire_pack_ack(bytes, &ack, &env, 0);
	on_back_arrival(p, bytes, n, false);
	SIM_CHECK(p->world, p->source_stats.rx_bad_ack == refused + 1,
		  "path %u: an ack of what was never sent was taken", p->number);
}

/* Somewhere that is not there; or in an epoch that is not open yet; or half in
 * one slice and half in the next. */
static void forge_place(struct sim_path *p, struct pw_datagram *d)
{
	uint64_t region_bytes, slice_bytes = 1ull << p->target->slice_shift;

	d->id = (uint16_t)sim_below(p->world, p->regions);
	region_bytes = p->target->region[d->id].bytes;
	switch (sim_below(p->world, 6)) {
	case 0:
		d->id = (uint16_t)sim_between(p->world, p->regions, UINT16_MAX);
		break;
	case 1:
		d->offset = region_bytes - sim_below(p->world, d->length);
		break;
	case 2:
		d->offset = (1ull << 48) - sim_between(p->world, 1, 1024);
		break;
	case 3:
		d->offset = region_bytes + sim_below(p->world, 1ull << 40);
		break;
	case 4:
		d->offset = slice_bytes - sim_between(p->world, 1, d->length - 1u);
		d->epoch = atomic_load(&p->target->slice_in[d->id][0].open_epoch);
		break;
	default:
		d->epoch = atomic_load(&p->target->slice_in[d->id][0].open_epoch);
		d->epoch = (uint16_t)(d->epoch + sim_between(p->world, 1, 1000));
	}
}

/* A datagram, well formed, that nobody in his right mind sends. */
static void forge_data(struct sim_path *p)
{
	uint8_t bytes[PW_BULK_HEADER_BYTES + 512];
	struct pw_datagram d = { .type = PW_DATA, .length = 512, .path = (uint16_t)p->number };
	uint64_t next = p->astray.receiver.replay.next;

	d.pn = next + sim_below(p->world, 64);
	if (d.pn >= SIM_RECORDS_MAX)
		return;
	d.span = (uint16_t)(d.pn - next);
	forge_place(p, &d);
	memset(bytes + PW_BULK_HEADER_BYTES, 0xee, 512);
	d.payload = bytes + PW_BULK_HEADER_BYTES;
	pw_wire_pack(bytes, &d);
	receive(p, &p->astray, &(struct sim_bytes){ bytes, sizeof(bytes), false });
}

/* An idle end is looked at less often. */
static uint64_t pause_ns(struct sim_path *p, unsigned moved)
{
	return moved ? sim_between(p->world, 500, 5 * SIM_US)
		     : sim_between(p->world, 2 * SIM_US, 40 * SIM_US);
}

static void poll_source(void *who, uint64_t what)
{
	struct sim_path *p = who;
	unsigned moved = 0;

	(void)what;
	if (p->stopped)
		return;
	pw_sender_poll(&p->sender, p->world->now_ns, &moved);
	sim_judge_window(p);
	if (sim_below(p->world, FORGE_1_IN) == 0)
		forge_ack(p);
	sim_after(p->world, pause_ns(p, moved), poll_source, p, 0);
}

static void poll_target(void *who, uint64_t what)
{
	struct sim_path *p = who;
	unsigned moved = 0;

	(void)what;
	if (p->stopped)
		return;
	pw_receiver_poll(&p->inlet.receiver, p->world->now_ns, &moved);
	if (sim_below(p->world, FORGE_1_IN) == 0)
		forge_data(p);
	sim_after(p->world, pause_ns(p, moved), poll_target, p, 0);
}

static void init_inlet(struct sim_path *p, struct sim_inlet *inlet)
{
	inlet->seen = sim_alloc(p->world, SIM_RECORDS_MAX);
	pw_receiver_init(&inlet->receiver, p->target, &p->back.link, &inlet->stats, 0,
			 (uint16_t)p->number);
}

void sim_path_init(struct sim_path *p, struct sim_world *w, const struct sim_scenario *s,
		   const struct sim_ends *ends, unsigned number)
{
	struct pw_sender_config config = s->sender;

	p->world = w;
	p->source = ends->source;
	p->target = ends->target;
	p->shadow = ends->shadow;
	p->taps = ends->taps;
	p->regions = s->regions;
	p->number = number;
	p->records = sim_alloc(w, SIM_RECORDS_MAX * sizeof(*p->records));
	sim_link_init(&p->forth, w, &s->forth,
		      &(struct sim_link_ends){ p, on_forth_taken, on_forth_arrival,
					       on_forth_stray });
	sim_link_init(&p->back, w, &s->back,
		      &(struct sim_link_ends){ p, on_back_taken, on_back_arrival, NULL });
	config.path = (uint16_t)number;
	pw_sender_init(&p->sender, ends->source, &p->forth.link, &p->source_stats, &config,
		       w->now_ns);
	init_inlet(p, &p->inlet);
	init_inlet(p, &p->astray);
}

void sim_path_run(struct sim_path *p)
{
	sim_after(p->world, sim_below(p->world, 10 * SIM_US), poll_source, p, 0);
	sim_after(p->world, sim_below(p->world, 10 * SIM_US), poll_target, p, 0);
}
