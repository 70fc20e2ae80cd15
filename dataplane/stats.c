/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.c - the names of stats.def */

#include "pagewire/stats.h"

#define PW_STAT(name, unit, meaning) { #name, unit, meaning },
const struct pw_stat_info pw_stat_infos[PW_NUM_STATS] = {
#include "pagewire/stats.def"
};
#undef PW_STAT
