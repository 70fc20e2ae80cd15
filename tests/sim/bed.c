/* SPDX-License-Identifier: BSD-3-Clause */
/* bed.c - see bed.h */

#include <inttypes.h>
#include <string.h>

#include "bed.h"
#include "judge.h"

#define ENDS_WITHIN_NS	  (3 * SIM_S)	/* of the calm; see totals for how long it takes */
#define ENDS_WITHIN_STEPS 20000000u
#define SHORTEST_PAYLOAD  1152u	/* that a sender falls back to: see mtu.c */
#define QUIET_NS	  (100 * SIM_MS)	/* after the last SEAL */

void sim_bed_name(struct sim_bed *bed, struct sim_end *end)
{
	SIM_CHECK(bed->world, bed->cids < SIM_CIDS_MAX, "too many connections");
	end->cid = bed->cids;
	bed->end[bed->cids++] = end;
}

struct sim_end *sim_bed_end(struct sim_bed *bed, uint32_t cid)
{
	return cid < bed->cids ? bed->end[cid] : NULL;
}

bool sim_bed_has(const struct sim_bed *bed, enum sim_fault fault)
{
	return !bed->calm && sim_swarm_has(&bed->scenario.swarm, fault);
}

void sim_bed_suffer(struct sim_bed *bed, enum sim_fault fault)
{
	for (unsigned i = 0; i < bed->scenario.guests; i++)
		sim_migration_suffer(bed->migration[i], fault);
}

/* ---- what comes once ---- */

static void cut_path(struct sim_bed *bed, unsigned path, uint64_t cut_ns)
{
	for (unsigned host = 0; host < SIM_HOSTS && !bed->lane[path].dead; host++)
		sim_link_cut(&bed->lane[path].way[host].link, cut_ns);
}

static void cut_all(struct sim_bed *bed, uint64_t cut_ns)
{
	for (unsigned path = 0; path < bed->scenario.paths; path++)
		cut_path(bed, path, cut_ns);
}

/* One dies, never two: somebody has to bring it home. */
static void kill_path(struct sim_bed *bed, unsigned path)
{
	for (unsigned i = 0; i < bed->scenario.paths; i++)
		if (bed->lane[i].dead)
			return;
	cut_path(bed, path, UINT64_MAX / 2);
	bed->lane[path].dead = true;
	sim_bed_suffer(bed, SIM_DEAD_PATH);
}

/* Whatever is longer vanishes. A sender can live with it as long as its shortest
 * datagrams fit; then the hole may stay. */
static void dig_hole(struct sim_bed *bed, unsigned path)
{
	uint32_t payload = bed->scenario.sender.payload_bytes;
	bool narrow = payload > SHORTEST_PAYLOAD;
	uint32_t hole = (uint32_t)sim_between(bed->world, narrow ? SHORTEST_PAYLOAD : payload - 1,
					      payload - 1);
	bool stays = narrow && sim_chance(bed->world, 5000);

	sim_say(bed->world, "path %u: payloads of more than %u vanish%s", path, hole,
		stays ? ", for good" : "");
	for (unsigned host = 0; host < SIM_HOSTS; host++) {
		struct sim_way *way = &bed->lane[path].way[host];

		way->faults.hole_stays = stays;
		way->faults.model.hole_bytes = hole + (uint32_t)PW_BULK_HEADER_BYTES;
		way->link.model.config.hole_bytes = way->faults.model.hole_bytes;
	}
}

static void come(void *who, uint64_t number)
{
	struct sim_bed *bed = who;
	const struct sim_trouble *t = &bed->scenario.swarm.trouble[number];
	const struct sim_migration *m = bed->migration[t->guest];

	if (bed->calm)
		return;
	sim_say(bed->world, "trouble: fault %d on path %u, host %u, %" PRIu64 " us", (int)t->fault,
		t->path, t->host, t->lasts_ns / SIM_US);
	if (t->fault <= SIM_CUT_PATH && bed->lane[t->path].dead)
		return;
	switch (t->fault) {
	case SIM_CUT_ONE_WAY:
		sim_link_cut(&bed->lane[t->path].way[t->host].link, t->lasts_ns);
		break;
	case SIM_CUT_PATH:
		cut_path(bed, t->path, t->lasts_ns);
		break;
	case SIM_CUT_ALL:
		cut_all(bed, t->lasts_ns);
		break;
	case SIM_STALL:
		sim_host_stall(&bed->host[t->host], t->path, t->lasts_ns);
		break;
	case SIM_DEAD_PATH:
		kill_path(bed, t->path);
		return;
	case SIM_BLACK_HOLE:
		dig_hole(bed, t->path);
		return;
	case SIM_HALF_PLACED:
		bed->host[sim_migration_target(m)].dies_placing = true;
		return;
	default:	/* who dies counts it */
		if (t->fault == SIM_SOURCE_CRASH && sim_bed_has(bed, SIM_HALF_PLACED))
			bed->host[sim_migration_target(m)].dies_placing = true;
		sim_host_crash(&bed->host[t->fault == SIM_SOURCE_CRASH ? sim_migration_source(m) :
									  sim_migration_target(m)]);
		return;
	}
	sim_bed_suffer(bed, t->fault);
}

void sim_bed_stage(struct sim_bed *bed, const struct sim_migration *m)
{
	struct sim_swarm *swarm = &bed->scenario.swarm;
	unsigned stages = sim_migration_stages(m);

	for (unsigned i = 0; i < swarm->troubles; i++) {
		struct sim_trouble *t = &swarm->trouble[i];

		if (!t->by_stage || t->came || t->guest != m->number || !(stages >> t->stage & 1))
			continue;
		t->came = true;
		sim_after(bed->world, t->after_ns, come, bed, i);
	}
}

static void calm_down(void *who, uint64_t what)
{
	struct sim_bed *bed = who;

	(void)what;
	sim_say(bed->world, "calm");
	bed->calm = true;
	bed->calm_ns = bed->world->now_ns;
	for (unsigned host = 0; host < SIM_HOSTS; host++)
		bed->host[host].dies_placing = false;
	for (unsigned path = 0; path < bed->scenario.paths; path++)
		sim_lane_calm(&bed->lane[path]);
}

/* ---- the play ---- */

static void init(struct sim_bed *bed, struct sim_world *w, struct sim_coverage *coverage)
{
	memset(bed, 0, sizeof(*bed));
	bed->world = w;
	bed->coverage = coverage;
	bed->begun_ns = w->now_ns;
	bed->arrival = sim_alloc(w, sizeof(*bed->arrival));
	sim_scenario_draw(&bed->scenario, w);
	sim_scenario_say(&bed->scenario, w);
	for (unsigned i = 0; i < SIM_HOSTS; i++)
		sim_host_init(&bed->host[i], bed, i);
	for (unsigned i = 0; i < bed->scenario.paths; i++)
		sim_lane_init(&bed->lane[i], bed, i);
	for (unsigned i = 0; i < bed->scenario.guests; i++) {
		bed->migration[i] = sim_alloc(w, sizeof(*bed->migration[i]));
		sim_migration_init(bed->migration[i], bed, i);
	}
	for (unsigned i = 0; i < bed->scenario.swarm.troubles; i++)
		if (!bed->scenario.swarm.trouble[i].by_stage)
			sim_after(w, bed->scenario.swarm.trouble[i].after_ns, come, bed, i);
	sim_after(w, bed->scenario.swarm.calm_ns, calm_down, bed, 0);
	sim_fair_run(bed);
}

static const struct sim_migration *unfinished(const struct sim_bed *bed)
{
	for (unsigned i = 0; i < bed->scenario.guests; i++)
		if (bed->migration[i]->state != SIM_SEALED)
			return bed->migration[i];
	return NULL;
}

static void check_progress(struct sim_bed *bed)
{
	const struct sim_migration *m = unfinished(bed);
	bool late = bed->calm && bed->world->now_ns - bed->calm_ns > ENDS_WITHIN_NS;
	char why[200];

	if (!m || (!late && bed->world->events < ENDS_WITHIN_STEPS))
		return;
	sim_migration_why(m, why, sizeof(why));
	sim_fail(bed->world, "did not end %s: %s", late ? "in the calm" : "at all", why);
}

void sim_bed_sealed(struct sim_bed *bed)
{
	if (!unfinished(bed))
		bed->ended_ns = bed->world->now_ns;
	for (unsigned path = 0; path < bed->scenario.paths; path++)
		for (unsigned host = 0; host < SIM_HOSTS; host++)
			sim_link_release_kept(&bed->lane[path].way[host].link);
}

void sim_bed_play(struct sim_bed *bed, struct sim_world *w, struct sim_coverage *coverage)
{
	init(bed, w, coverage);
	while (!bed->ended_ns && sim_step(w))
		check_progress(bed);
	while (w->now_ns < bed->ended_ns + QUIET_NS && sim_step(w))
		;
	bed->over = true;
	while (sim_step(w))
		;
	for (unsigned i = 0; i < bed->scenario.guests; i++)
		sim_migration_check_seal(bed->migration[i]);
	sim_fair_check(bed);
	sim_note(w, bed->ended_ns);
}
