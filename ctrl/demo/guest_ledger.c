/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_ledger.c - see guest_ledger.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest_ledger.h"
#include "guest_random.h"
#include "pagewire/check.h"

static size_t here_words(const struct pw_guest_ledger *l)
{
	return (size_t)((l->pages + 63) / 64);
}

/* 0 for a page that was never written: an empty ledger has the digest 0. */
static uint64_t entry(uint64_t index, uint32_t version)
{
	return version ? pw_guest_random_mix((index << 32) + version) : 0;
}

int pw_guest_ledger_create(struct pw_guest_ledger *l, uint64_t pages)
{
	*l = (struct pw_guest_ledger){ .pages = pages };
	l->version = calloc(pages, sizeof(*l->version));
	l->here = calloc(here_words(l), sizeof(*l->here));
	if (l->version && l->here)
		return 0;
	pw_guest_ledger_destroy(l);
	return -ENOMEM;
}

void pw_guest_ledger_destroy(struct pw_guest_ledger *l)
{
	free(l->version);
	free(l->here);
	*l = (struct pw_guest_ledger){ 0 };
}

uint32_t pw_guest_ledger_bump(struct pw_guest_ledger *l, uint64_t index)
{
	uint32_t version;

	PW_HOT_CHECK(index < l->pages);
	version = l->version[index];
	l->digest += entry(index, version + 1) - entry(index, version);
	l->version[index] = version + 1;
	l->here[index / 64] |= 1ull << (index % 64);
	return version + 1;
}

void pw_guest_ledger_forget(struct pw_guest_ledger *l)
{
	memset(l->version, 0, l->pages * sizeof(*l->version));
	l->digest = 0;
	pw_guest_ledger_arrive(l);
}

void pw_guest_ledger_arrive(struct pw_guest_ledger *l)
{
	memset(l->here, 0, here_words(l) * sizeof(*l->here));
}

uint64_t pw_guest_ledger_written_here(const struct pw_guest_ledger *l)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < here_words(l); i++)
		pages += (uint64_t)__builtin_popcountll(l->here[i]);
	return pages;
}

bool pw_guest_ledger_is_whole(const struct pw_guest_ledger *l)
{
	uint64_t digest = 0;

	for (uint64_t i = 0; i < l->pages; i++)
		digest += entry(i, l->version[i]);
	return digest == l->digest;
}
