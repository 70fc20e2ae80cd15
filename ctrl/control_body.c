/* SPDX-License-Identifier: BSD-3-Clause */
/* control_body.c - the body of each message, between bytes and a plain struct */

#include "control_parts.h"

/* Linux has no errno above this. */
#define ERRNO_MAX 4095

void pw_ctl_put_text(uint8_t *to, const char *text, size_t max)
{
	size_t n = strnlen(text, max - 1);

	memset(to, 0, max);
	memcpy(to, text, n);
}

bool pw_ctl_get_text(char *to, const uint8_t *from, size_t max)
{
	const uint8_t *nul = memchr(from, 0, max);

	if (!nul)
		return false;
	memcpy(to, from, max);
	for (; nul < from + max; nul++)
		if (*nul)
			return false;
	return true;
}

static struct pw_ctl_lane put_lane(const struct pw_lane_end *end)
{
	struct pw_ctl_lane wire = {
		.udp_port = pw_put16(end->udp_port),
		.family = end->family,
		.link_mbps = pw_put32(end->link_mbps),
	};

	memcpy(wire.ip, end->ip, sizeof(wire.ip));
	return wire;
}

static bool get_lane(struct pw_lane_end *end, const struct pw_ctl_lane *wire)
{
	*end = (struct pw_lane_end){
		.udp_port = pw_get16(wire->udp_port),
		.family = wire->family,
		.link_mbps = pw_get32(wire->link_mbps),
	};
	memcpy(end->ip, wire->ip, sizeof(end->ip));
	return wire->reserved == 0;
}

/* A lane without addresses says nothing of itself but its speed. */
static bool is_valid_lane(const struct pw_lane_end *end)
{
	unsigned used = end->family == PW_LANE_IPV6 ? 16 : end->family == PW_LANE_IPV4 ? 4 : 0;

	if (end->family && !used)
		return false;
	for (unsigned i = used; i < sizeof(end->ip); i++)
		if (end->ip[i])
			return false;
	return !end->family == !end->udp_port && !end->unused;
}

static void put_hello(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_host_hello *h = &msg->hello;
	struct pw_ctl_hello wire;

	wire.version = pw_put32(h->version);
	wire.features = pw_put32(h->features);
	memcpy(wire.boot, h->boot, sizeof(wire.boot));
	pw_ctl_put_text(wire.name, h->name, sizeof(wire.name));
	wire.lane = put_lane(&h->lane);
	memcpy(to, &wire, sizeof(wire));
}

static bool get_hello(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_host_hello *h = &msg->hello;
	struct pw_ctl_hello wire;

	memcpy(&wire, from, sizeof(wire));
	h->version = pw_get32(wire.version);
	h->features = pw_get32(wire.features);
	memcpy(h->boot, wire.boot, sizeof(h->boot));
	return pw_ctl_get_text(h->name, wire.name, sizeof(h->name)) &&
	       get_lane(&h->lane, &wire.lane);
}

/* Which versions can be spoken is for the link to say, with a clear error. */
static bool is_valid_hello(const struct pw_ctl *msg)
{
	return msg->hello.version > 0 && is_valid_lane(&msg->hello.lane) &&
	       pw_ctl_may_send_text(msg->hello.name, sizeof(msg->hello.name));
}

static void put_open(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_host_open *o = &msg->open;
	struct pw_ctl_open wire;

	pw_ctl_put_text(wire.guest, o->guest, sizeof(wire.guest));
	wire.mode = (uint8_t)o->mode;
	wire.verify = (uint8_t)o->verify;
	wire.regions = (uint8_t)o->regions;
	wire.devices = (uint8_t)o->devices;
	wire.paths = pw_put32(o->paths);
	wire.slice_shift = pw_put32(o->slice_shift);
	wire.payload_bytes = pw_put32(o->payload_bytes);
	for (unsigned i = 0; i < PW_PATHS_MAX; i++) {
		wire.cids[i] = pw_put32(o->cids[i]);
		wire.ports[i] = pw_put16(o->ports[i]);
	}
	memcpy(to, &wire, sizeof(wire));
}

static bool get_open(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_host_open *o = &msg->open;
	struct pw_ctl_open wire;

	memcpy(&wire, from, sizeof(wire));
	o->mode = wire.mode;
	o->verify = wire.verify;
	o->regions = wire.regions;
	o->devices = wire.devices;
	o->paths = pw_get32(wire.paths);
	o->slice_shift = pw_get32(wire.slice_shift);
	o->payload_bytes = pw_get32(wire.payload_bytes);
	for (unsigned i = 0; i < PW_PATHS_MAX; i++) {
		o->cids[i] = pw_get32(wire.cids[i]);
		o->ports[i] = pw_get16(wire.ports[i]);
	}
	return pw_ctl_get_text(o->guest, wire.guest, sizeof(o->guest));
}

static bool is_valid_mode(const struct pw_ctl_host_open *o)
{
	return (o->mode == PW_MODE_ENHANCED || o->mode == PW_MODE_LEGACY) &&
	       (o->verify == PW_VERIFY_NONE || o->verify == PW_VERIFY_STUN ||
		o->verify == PW_VERIFY_FULL);
}

static bool is_valid_geometry(const struct pw_ctl_host_open *o)
{
	return o->slice_shift >= PW_PAGE_SHIFT && o->slice_shift <= PW_SLICE_SHIFT &&
	       o->payload_bytes >= PW_PAYLOAD_MIN && o->payload_bytes <= PW_PAYLOAD_MAX;
}

static bool is_valid_paths(const struct pw_ctl_host_open *o)
{
	if (o->paths > PW_PATHS_MAX)
		return false;
	for (uint32_t i = o->paths; i < PW_PATHS_MAX; i++)
		if (o->cids[i] || o->ports[i])
			return false;
	return true;
}

static bool is_valid_open(const struct pw_ctl *msg)
{
	const struct pw_ctl_host_open *o = &msg->open;

	if (o->regions > PW_REGIONS_MAX || o->devices > PW_DEVICES_MAX)
		return false;
	if (msg->rows != (msg->type == PW_CTL_OPEN ? o->regions + o->devices : 0))
		return false;
	return pw_ctl_may_send_text(o->guest, sizeof(o->guest)) && is_valid_mode(o) &&
	       is_valid_geometry(o) && is_valid_paths(o);
}

static void put_reopen(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_host_reopen *r = &msg->reopen;
	struct pw_ctl_reopen wire = {
		.attempt = pw_put32(r->attempt),
		.devices_done = pw_put32(r->devices_done),
	};

	for (unsigned i = 0; i < PW_PATHS_MAX; i++) {
		wire.cids[i] = pw_put32(r->cids[i]);
		wire.ports[i] = pw_put16(r->ports[i]);
	}
	memcpy(to, &wire, sizeof(wire));
}

static bool get_reopen(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_host_reopen *r = &msg->reopen;
	struct pw_ctl_reopen wire;

	memcpy(&wire, from, sizeof(wire));
	r->attempt = pw_get32(wire.attempt);
	r->devices_done = pw_get32(wire.devices_done);
	for (unsigned i = 0; i < PW_PATHS_MAX; i++) {
		r->cids[i] = pw_get32(wire.cids[i]);
		r->ports[i] = pw_get16(wire.ports[i]);
	}
	return true;
}

static bool is_valid_reopen(const struct pw_ctl *msg)
{
	return msg->reopen.attempt > 0 && msg->reopen.devices_done >> PW_DEVICES_MAX == 0;
}

static void put_stream(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_host_stream *s = &msg->stream;
	const struct pw_ctl_stream wire = {
		.device = pw_put32(s->device),
		.bytes = pw_put64(s->bytes),
		.digest = { pw_put64(s->digest[0]), pw_put64(s->digest[1]) },
	};

	memcpy(to, &wire, sizeof(wire));
}

static bool get_stream(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_stream wire;

	memcpy(&wire, from, sizeof(wire));
	msg->stream.device = pw_get32(wire.device);
	msg->stream.bytes = pw_get64(wire.bytes);
	msg->stream.digest[0] = pw_get64(wire.digest[0]);
	msg->stream.digest[1] = pw_get64(wire.digest[1]);
	return pw_get32(wire.reserved) == 0;
}

static bool is_valid_stream(const struct pw_ctl *msg)
{
	return msg->stream.device < PW_DEVICES_MAX;
}

static void put_seal(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_seal wire = {
		.blocks = pw_put64(msg->seal.blocks),
		.streams = pw_put32(msg->seal.streams),
	};

	memcpy(to, &wire, sizeof(wire));
}

static bool get_seal(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_seal wire;

	memcpy(&wire, from, sizeof(wire));
	msg->seal.blocks = pw_get64(wire.blocks);
	msg->seal.streams = pw_get32(wire.streams);
	return pw_get32(wire.reserved) == 0;
}

static bool is_valid_seal(const struct pw_ctl *msg)
{
	return msg->seal.streams <= PW_DEVICES_MAX;
}

static void put_verified(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_verified wire = {
		.pages = pw_put64(msg->verified.pages),
		.blocks = pw_put64(msg->verified.blocks),
	};

	memcpy(to, &wire, sizeof(wire));
}

static bool get_verified(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_verified wire;

	memcpy(&wire, from, sizeof(wire));
	msg->verified.pages = pw_get64(wire.pages);
	msg->verified.blocks = pw_get64(wire.blocks);
	return true;
}

static void put_running(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_running wire = {
		.last_step_ns = pw_put64(msg->running.last_step_ns),
		.first_step_ns = pw_put64(msg->running.first_step_ns),
		.since_step_ns = pw_put64(msg->running.since_step_ns),
	};

	memcpy(to, &wire, sizeof(wire));
}

static bool get_running(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_running wire;

	memcpy(&wire, from, sizeof(wire));
	msg->running.last_step_ns = pw_get64(wire.last_step_ns);
	msg->running.first_step_ns = pw_get64(wire.first_step_ns);
	msg->running.since_step_ns = pw_get64(wire.since_step_ns);
	return true;
}

static void put_why(const struct pw_ctl *msg, uint8_t *to)
{
	struct pw_ctl_why wire;

	wire.code = pw_put32((uint32_t)msg->why.code);
	pw_ctl_put_text(wire.why, msg->why.why, sizeof(wire.why));
	memcpy(to, &wire, sizeof(wire));
}

static bool get_why(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_why wire;
	uint32_t code;

	memcpy(&wire, from, sizeof(wire));
	code = pw_get32(wire.code);
	msg->why.code = (int)(code <= ERRNO_MAX ? code : 0);	/* 0 is not valid */
	return pw_ctl_get_text(msg->why.why, wire.why, sizeof(msg->why.why));
}

static bool is_valid_why(const struct pw_ctl *msg)
{
	return msg->why.code > 0 && msg->why.code <= ERRNO_MAX &&
	       pw_ctl_may_send_text(msg->why.why, sizeof(msg->why.why));
}

static void put_ping(const struct pw_ctl *msg, uint8_t *to)
{
	const struct pw_ctl_ping wire = { .cookie = pw_put64(msg->cookie) };

	memcpy(to, &wire, sizeof(wire));
}

static bool get_ping(struct pw_ctl *msg, const uint8_t *from)
{
	struct pw_ctl_ping wire;

	memcpy(&wire, from, sizeof(wire));
	msg->cookie = pw_get64(wire.cookie);
	return true;
}

const struct pw_ctl_body
	pw_ctl_body_hello = { sizeof(struct pw_ctl_hello), put_hello, get_hello, is_valid_hello },
	pw_ctl_body_open = { sizeof(struct pw_ctl_open), put_open, get_open, is_valid_open },
	pw_ctl_body_stream = { sizeof(struct pw_ctl_stream), put_stream, get_stream, is_valid_stream },
	pw_ctl_body_seal = { sizeof(struct pw_ctl_seal), put_seal, get_seal, is_valid_seal },
	pw_ctl_body_verified = { sizeof(struct pw_ctl_verified), put_verified, get_verified, NULL },
	pw_ctl_body_running = { sizeof(struct pw_ctl_running), put_running, get_running, NULL },
	pw_ctl_body_why = { sizeof(struct pw_ctl_why), put_why, get_why, is_valid_why },
	pw_ctl_body_reopen = { sizeof(struct pw_ctl_reopen), put_reopen, get_reopen, is_valid_reopen },
	pw_ctl_body_ping = { sizeof(struct pw_ctl_ping), put_ping, get_ping, NULL };
