/* SPDX-License-Identifier: BSD-3-Clause */
/* forge.c - see forge.h */

#include <string.h>

#include "bed.h"
#include "forge.h"

#define FORGE_1_IN 200u	/* polls, where there is a forger */

void sim_forge_ack(struct sim_path *p)
{
	struct pw_envelope env = { .cid = p->source_end.cid, .path = (uint16_t)p->number };
	struct pw_ack ack = { .next = p->sender.window.tail, .words = 2 };
	uint8_t bytes[PW_ACK_BYTES_MAX];
	uint64_t refused = p->source_stats.rx_bad_ack;
	unsigned n;

	if (!sim_bed_has(p->bed, SIM_FORGED_ACK) || sim_below(p->world, FORGE_1_IN))
		return;
	if (sim_chance(p->world, 3000)) {
		ack.next += sim_between(p->world, 1, 100);
	} else {
		uint64_t back = sim_between(p->world, ack.next > 0, 60);

		ack.next -= back < ack.next ? back : ack.next;
		back = p->sender.window.tail - ack.next;	/* bit back - 1 would be the tail's */
		ack.bitmap[0] = 1ull << (back ? back - 1 : 0);
	}
	n = pw_wire_pack_ack(bytes, &ack, &env, 0);
	sim_migration_suffer(p->migration, SIM_FORGED_ACK);
	sim_path_on_ack(p, &(struct sim_bytes){ .at = bytes, .n = n });
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

void sim_forge_data(struct sim_path *p)
{
	uint8_t bytes[PW_BULK_HEADER_BYTES + 512];
	struct pw_datagram d = { .type = PW_DATA, .length = 512, .path = (uint16_t)p->number };
	uint64_t next = p->astray.receiver.replay.next;

	if (!sim_bed_has(p->bed, SIM_FORGED_DATA) || sim_below(p->world, FORGE_1_IN))
		return;
	d.pn = next + sim_below(p->world, 64);
	d.span = (uint16_t)(d.pn - next);
	d.cid = p->target_end.cid;
	forge_place(p, &d);
	memset(bytes + PW_BULK_HEADER_BYTES, 0xee, 512);
	d.payload = bytes + PW_BULK_HEADER_BYTES;
	pw_wire_pack(bytes, &d);
	sim_migration_suffer(p->migration, SIM_FORGED_DATA);
	sim_path_on_stray(p, &(struct sim_bytes){ .at = bytes, .n = sizeof(bytes) });
}
