/* SPDX-License-Identifier: BSD-3-Clause */
/* control_row.c - the rows of messages, between bytes and plain structs */

#include "control_parts.h"
#include "pagewire/check.h"

/* A struct pw_ctl_room holds the rows of any message: they do not grow on the way in. */
static_assert(sizeof(struct pw_ctl_part) <= sizeof(struct pw_ctl_open_row), "room for parts");
static_assert(sizeof(struct pw_ctl_slice) <= sizeof(struct pw_ctl_slice_row), "room for slices");
static_assert(sizeof(struct pw_ctl_digest) <= sizeof(struct pw_ctl_digest_row), "room for digests");
static_assert(sizeof(((struct pw_ctl_open_row *)0)->name) == PW_CTL_DEVICE_NAME_MAX, "names");

static void put_part(const struct pw_ctl *msg, uint32_t i, uint8_t *to)
{
	const struct pw_ctl_part *part = &msg->parts[i];
	struct pw_ctl_open_row wire = {
		.bytes = pw_put64(part->bytes),
		.flags = pw_put32(part->flags),
	};

	pw_ctl_put_text(wire.name, part->name, sizeof(wire.name));
	memcpy(to, &wire, sizeof(wire));
}

static bool get_part(struct pw_ctl_room *room, uint32_t i, const uint8_t *from)
{
	struct pw_ctl_part *part = (struct pw_ctl_part *)(void *)room->bytes + i;
	struct pw_ctl_open_row wire;

	memcpy(&wire, from, sizeof(wire));
	part->bytes = pw_get64(wire.bytes);
	part->flags = pw_get32(wire.flags);
	return pw_ctl_get_text(part->name, wire.name, sizeof(part->name)) &&
	       pw_get32(wire.reserved) == 0;
}

static bool is_valid_part(const struct pw_ctl *msg, uint32_t i)
{
	const struct pw_ctl_part *part = &msg->parts[i];

	if (part->bytes > PW_REGION_BYTES_MAX)
		return false;
	if (i >= msg->open.regions)
		return pw_ctl_may_send_text(part->name, sizeof(part->name));
	return !part->name[0] && !part->flags && part->bytes && part->bytes % PW_PAGE_BYTES == 0;
}

static void put_slice(const struct pw_ctl *msg, uint32_t i, uint8_t *to)
{
	const struct pw_ctl_slice_row wire = {
		.region = pw_put32(msg->slices[i].region),
		.slice = pw_put32(msg->slices[i].slice),
		.epoch = pw_put32(msg->slices[i].epoch),
	};

	memcpy(to, &wire, sizeof(wire));
}

static bool get_slice(struct pw_ctl_room *room, uint32_t i, const uint8_t *from)
{
	struct pw_ctl_slice *slice = (struct pw_ctl_slice *)(void *)room->bytes + i;
	struct pw_ctl_slice_row wire;

	memcpy(&wire, from, sizeof(wire));
	slice->region = pw_get32(wire.region);
	slice->slice = pw_get32(wire.slice);
	slice->epoch = pw_get32(wire.epoch);
	return pw_get32(wire.reserved) == 0;
}

static bool is_valid_slice(const struct pw_ctl *msg, uint32_t i)
{
	return msg->slices[i].region < PW_REGIONS_MAX;
}

static void put_digest(const struct pw_ctl *msg, uint32_t i, uint8_t *to)
{
	const struct pw_ctl_digest *digest = &msg->digests[i];
	struct pw_ctl_digest_row wire;

	wire.region = pw_put32(digest->region);
	wire.flags = pw_put32(digest->flags);
	wire.block = pw_put64(digest->block);
	for (unsigned w = 0; w < PW_ARRAY_SIZE(wire.mask); w++)
		wire.mask[w] = pw_put64(digest->mask[w]);
	for (unsigned w = 0; w < PW_ARRAY_SIZE(wire.digest); w++)
		wire.digest[w] = pw_put64(digest->digest[w]);
	memcpy(to, &wire, sizeof(wire));
}

static bool get_digest(struct pw_ctl_room *room, uint32_t i, const uint8_t *from)
{
	struct pw_ctl_digest *digest = (struct pw_ctl_digest *)(void *)room->bytes + i;
	struct pw_ctl_digest_row wire;

	memcpy(&wire, from, sizeof(wire));
	digest->region = pw_get32(wire.region);
	digest->flags = pw_get32(wire.flags);
	digest->block = pw_get64(wire.block);
	for (unsigned w = 0; w < PW_ARRAY_SIZE(wire.mask); w++)
		digest->mask[w] = pw_get64(wire.mask[w]);
	for (unsigned w = 0; w < PW_ARRAY_SIZE(wire.digest); w++)
		digest->digest[w] = pw_get64(wire.digest[w]);
	return true;
}

static bool is_valid_digest(const struct pw_ctl *msg, uint32_t i)
{
	const struct pw_ctl_digest *digest = &msg->digests[i];

	return digest->region < PW_REGIONS_MAX && !(digest->flags & ~PW_DIGEST_LATE) &&
	       digest->block < PW_REGION_BYTES_MAX >> PW_BLOCK_SHIFT;
}

const struct pw_ctl_row
	pw_ctl_row_part = { sizeof(struct pw_ctl_open_row), put_part, get_part, is_valid_part },
	pw_ctl_row_slice = { sizeof(struct pw_ctl_slice_row), put_slice, get_slice, is_valid_slice },
	pw_ctl_row_digest = { sizeof(struct pw_ctl_digest_row), put_digest, get_digest, is_valid_digest },
	pw_ctl_row_byte = { 1, NULL, NULL, NULL };	/* have no order: moved as they are */
