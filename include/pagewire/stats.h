/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.h - the counters of stats.def as a struct and as names */
#ifndef PW_STATS_H
#define PW_STATS_H

#include <stdint.h>

#define PW_STAT(name, unit, meaning) uint64_t name;
struct pw_path_stats {
#include "pagewire/stats.def"
} __attribute__((aligned(64)));
#undef PW_STAT

#define PW_STAT(name, unit, meaning) PW_STAT_##name,
enum pw_stat {
#include "pagewire/stats.def"
	PW_NUM_STATS
};
#undef PW_STAT

/* One row of stats.def, in its order. */
struct pw_stat_info {
	const char *name;
	const char *unit;
	const char *meaning;
};

extern const struct pw_stat_info pw_stat_infos[PW_NUM_STATS];

/* A counter has one writer; a reader of another thread sees it late, never torn. */
static inline void pw_stat_add(uint64_t *stat, uint64_t n)
{
	__atomic_store_n(stat, __atomic_load_n(stat, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline void pw_stat_set(uint64_t *stat, uint64_t value)
{
	__atomic_store_n(stat, value, __ATOMIC_RELAXED);
}

static inline uint64_t pw_stat_get(const uint64_t *stat)
{
	return __atomic_load_n(stat, __ATOMIC_RELAXED);
}

#endif /* PW_STATS_H */
