/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_ethdev.h - frames of a connection through an ethdev queue
 *
 *	head buffer                                    shell
 *	| Ethernet | IP | UDP | datagram's headers | ---> guest memory, stream ring
 *
 * The payload is not copied: the port reads it where it is and lets go of it
 * later, by freeing the shell. shared counts the shells that are out, so that
 * the memory can be unmapped when none is. Short payloads are copied into the
 * head, and long ones too where the port does not gather, or where their memory
 * is not mapped for it. A payload that crosses from one page of its memory into
 * the next goes in two shells: a NIC does not need that, but those that QEMU
 * emulates lose a segment that is not in one piece of physical memory. It takes
 * 94 cycles instead of 57, of the 1720 that a datagram of 8 KiB has at 100 Gbit/s,
 * and a descriptor; a guest in huge pages is spared nearly all of it.
 *
 * A port that is full pushes back; one that has been full for long has nobody
 * at its other end, and what is sent to it is lost, so that the sender finds
 * the path down.
 *
 * Owned by one worker.
 */
#ifndef PW_LINK_ETHDEV_H
#define PW_LINK_ETHDEV_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "encap.h"
#include "link.h"
#include "pagewire/stats.h"
#include "pagewire/wire.h"
#include "port.h"
#include "port_dma.h"

#define PW_LINK_COPY_BYTES   256u	/* payloads up to here are copied: a zero map */
#define PW_LINK_HEAD_BYTES_MAX (PW_ENCAP_BYTES_MAX + PW_HEADER_BYTES_MAX + PW_LINK_COPY_BYTES)

struct pw_link_ethdev {
	struct pw_link link;
	const struct pw_queue *queue;
	struct pw_path_stats *stats;
	const struct pw_dma *dma;	/* what the port may read where it is */
	uint16_t offer;	/* frames to begin with: few after the port was full */
	uint64_t now_ns;	/* set by the worker before it sends */
	uint64_t full_since_ns;	/* the port takes nothing; 0: it does */
	struct rte_mbuf_ext_shared_info shared;
	struct pw_encap encap;	/* fixed, but for the next hop, which any thread may change */
};

/* ends: between whom; what the queue's port does of the checksums is put in here. */
void pw_link_ethdev_init(struct pw_link_ethdev *l, const struct pw_queue *queue,
			 struct pw_path_stats *stats, const struct pw_dma *dma,
			 const struct pw_encap_ends *ends);

/* The port has let go of all payloads; if not, ask it to. */
bool pw_link_ethdev_settled(struct pw_link_ethdev *l);

#define PW_LINK_SCRATCH_BYTES (PW_ENCAP_BYTES_MAX + PW_DATAGRAM_BYTES_MAX)

/* What a frame that came in on a queue is; found is filled in if it is a
 * datagram for us. Its checksum was looked at, by the port or here: a port that
 * sums up for its sender stands for the payload, which then has no CRC of its own. One that came in several segments is put together in scratch. */
enum pw_encap_kind pw_link_ethdev_parse(const struct pw_queue *q, const struct rte_mbuf *frame,
					uint8_t *scratch, struct pw_encap_found *found);

/* Send a whole frame of the lane's housekeeping, if there is room. */
void pw_link_ethdev_send_one(const struct pw_queue *q, const uint8_t *bytes, uint32_t n);

#endif /* PW_LINK_ETHDEV_H */
