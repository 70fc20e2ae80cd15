/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif.h - what is particular about the software lane between two processes
 *
 *   - a frame must fit one buffer: longer ones get lost and damaged
 *   - a sent frame must start in a buffer larger than the ring's: the driver
 *     then gathers its segments into one; otherwise it chains ring slots, and
 *     leaves stale marks in them where chained and single frames take turns
 *   - the serving end leaves its socket behind when it is killed
 *   - the other end does not start until somebody serves, and is sent away if
 *     that end is not ready: it is started again and again (port.h)
 *   - a device that is closed while its handshake goes on takes the process
 *     with it, so that it is not closed: its socket is removed, the rest ends
 *     with the process
 *   - a peer that is killed may take us with it: the driver's interrupt thread
 *     unmaps the rings while a worker is in them. pagewired starts us again and
 *     the migration goes on
 */
#ifndef PW_MEMIF_H
#define PW_MEMIF_H

#include <stdbool.h>
#include <stddef.h>

#include "vdev.h"
#include "why.h"

#define PW_MEMIF_BUFFER_BYTES 8448u	/* two pages and headers, rounded up to 256 */
#define PW_MEMIF_RING_SHIFT   8u	/* 256 slots, 2 MiB: more falls out of the caches */
#define PW_MEMIF_PATH_BYTES   108u

/* The device arguments with what is missing put in. Also makes the socket's
 * path free for a serving end: -EADDRINUSE if somebody answers there. */
int pw_memif_prepare(const char *args, char full[PW_VDEV_BYTES], char why[PW_WHY_BYTES]);

bool pw_memif_is(const char *vdev);
bool pw_memif_serves(const char *args);

/* False: it has no path in the file system. */
bool pw_memif_socket(const char *args, char path[PW_MEMIF_PATH_BYTES]);

#endif /* PW_MEMIF_H */
