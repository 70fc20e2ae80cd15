/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hole.h - memory that a guest never wrote
 *
 * A memfd has holes where nobody wrote. Reading one through a mapping fills it
 * with a page of zeros: moving a guest would make it grow. An incoming guest's
 * memory is zero until it is written (pagewire/agent.h), so a hole needs no
 * sending at all.
 */
#ifndef PW_HOLE_H
#define PW_HOLE_H

#include <stdint.h>

#include "tracker.h"

/* Clear the bits of area's pages that lie wholly in holes of memfd. Bit 0 is the
 * area's first page. Returns the number of pages. A file that cannot tell has
 * no holes. The area's writes are tracked: a hole that is filled afterwards is
 * dirty. */
uint64_t pw_hole_clear(int memfd, const struct pw_area *area, uint64_t *bitmap);

#endif /* PW_HOLE_H */
