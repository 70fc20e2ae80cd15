/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest.h - the guests of this host, as their agents registered them
 *
 * One unix SOCK_SEQPACKET socket; each connection is the agent of one guest
 * (pagewire/agent.h). A call is a request and, later, its answer: calls to one
 * guest are sent one at a time in the order they were made.
 *
 * A guest that is being migrated is kept until the migration lets go of it,
 * even if its agent has gone: its calls are then answered with -ECONNRESET.
 *
 * Owned by the event loop's thread.
 */
#ifndef PW_GUEST_H
#define PW_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "error.h"
#include "pagewire/agent.h"

struct event;
struct event_base;
struct pw_guests;

struct pw_guest_region {
	uint64_t bytes;
	uint64_t address;	/* in the guest's process */
	int memfd;
	const uint8_t *map;	/* read-only; NULL until pw_guest_map() */
};

/* fd is -1 if the answer carries none; the callee owns it. */
typedef void (*pw_guest_fn)(void *user, const struct pw_agent_msg *answer, int fd);

struct pw_guest_call {
	STAILQ_ENTRY(pw_guest_call) next;
	struct pw_agent_msg request;
	pw_guest_fn fn;
	void *user;
};

struct pw_guest {
	LIST_ENTRY(pw_guest) next;
	struct pw_guests *guests;
	char name[PW_GUEST_NAME_MAX];
	enum pw_agent_role role;
	int fd;	/* -1: the agent has gone */
	struct event *readable;
	uint32_t regions;
	uint32_t devices;
	struct pw_guest_region region[PW_REGIONS_MAX];
	struct pw_agent_device device[PW_DEVICES_MAX];
	int pagemap_fd;
	int clear_refs_fd;
	uint32_t epoch;	/* attempts to move it from here */
	uint32_t seq;	/* of the last request */
	bool waiting;	/* for an answer to the first of calls */
	bool busy;	/* a migration has it */
	bool left;	/* it was released: it runs elsewhere */
	char given_to[PW_GUEST_NAME_MAX];	/* a host that did not say whether it runs there */
	void (*on_gone)(void *user);	/* of that migration */
	void *user;
	STAILQ_HEAD(, pw_guest_call) calls;
};

/* Listen at path for agents. A stale socket of a dead process is replaced; a
 * live one is an error. */
int pw_guests_create(struct pw_guests **guests, struct event_base *loop, const char *path,
		     struct pw_error *err);
void pw_guests_destroy(struct pw_guests *guests);

/* NULL if there is none of that name in that role. One that has left is not found. */
struct pw_guest *pw_guests_find(struct pw_guests *guests, const char *name,
				enum pw_agent_role role);
struct pw_guest *pw_guests_first(struct pw_guests *guests);

/* Take the guest for a migration; on_gone comes at most once, when its agent
 * went away. -EBUSY: another has it. */
int pw_guest_take(struct pw_guest *g, void (*on_gone)(void *user), void *user);

/* Let go. Calls that were not answered are forgotten, not called. */
void pw_guest_put(struct pw_guest *g);

/* Ask. fn is called from the loop exactly once, unless the guest is put first. */
int pw_guest_call(struct pw_guest *g, const struct pw_agent_msg *request, pw_guest_fn fn,
		  void *user);

/* Map all regions for reading, once. */
int pw_guest_map(struct pw_guest *g);

uint64_t pw_guest_memory_bytes(const struct pw_guest *g);
uint64_t pw_guest_device_bytes(const struct pw_guest *g);

#endif /* PW_GUEST_H */
