/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_ledger.h - which version of each page the guest wrote last
 *
 * Kept apart from the pages and moved apart from them (in the registers of the
 * cpu device), so that a page can be checked against something that did not
 * take the same way.
 *
 * L1  digest is the sum of a mix of (page, version) over all pages: two ledgers
 *     that differ in one entry differ in it.
 *
 * Owned by the engine while it runs, by the loop while the engine is parked.
 */
#ifndef PW_GUEST_LEDGER_H
#define PW_GUEST_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct pw_guest_ledger {
	uint64_t pages;
	uint32_t *version;	/* of each page; 0: never written */
	uint64_t *here;	/* bit per page: written since it runs in this process */
	uint64_t digest;	/* L1 */
};

int pw_guest_ledger_create(struct pw_guest_ledger *l, uint64_t pages);
void pw_guest_ledger_destroy(struct pw_guest_ledger *l);

/* The next version of the page, noted. */
uint32_t pw_guest_ledger_bump(struct pw_guest_ledger *l, uint64_t index);

void pw_guest_ledger_forget(struct pw_guest_ledger *l);

/* How many different pages were bumped since create, or since the last call of
 * pw_guest_ledger_arrive(). */
uint64_t pw_guest_ledger_written_here(const struct pw_guest_ledger *l);
void pw_guest_ledger_arrive(struct pw_guest_ledger *l);

/* True while L1 holds. */
bool pw_guest_ledger_is_whole(const struct pw_guest_ledger *l);

#endif /* PW_GUEST_LEDGER_H */
