/* SPDX-License-Identifier: BSD-3-Clause */
/* mtu.c - see mtu.h */

#include <string.h>

#include "mtu.h"
#include "pagewire/check.h"
#include "pagewire/limits.h"

#include "hot.h"

/* What frames of 9000, 4500, 2304, 1500 and 1280 bytes carry. */
static const uint16_t usual[PW_MTU_STEPS] = { 8192, 4096, 2048, 1408, 1152 };

void pw_mtu_init(struct pw_mtu *m, uint16_t payload_bytes)
{
	PW_CHECK(payload_bytes >= PW_PAYLOAD_MIN && payload_bytes <= PW_PAYLOAD_MAX);
	memset(m, 0, sizeof(*m));
	m->payload[m->steps++] = payload_bytes;
	for (unsigned i = 0; i < PW_MTU_STEPS && m->steps < PW_MTU_STEPS; i++)
		if (usual[i] < payload_bytes)
			m->payload[m->steps++] = usual[i];
}

void pw_mtu_on_acked(struct pw_mtu *m, uint16_t bytes)
{
	if (bytes > m->arrived_bytes)
		m->arrived_bytes = bytes;
	if (bytes >= m->lost_bytes)
		m->generations = 0;
}

/* To the longest that is shorter than what was lost. */
static void step_down(struct pw_mtu *m)
{
	do
		m->step++;
	while (m->step + 1 < m->steps && m->payload[m->step] >= m->lost_bytes);
}

/* A datagram of the shortest step says nothing when it is lost, nor one when
 * longer ones arrived in its generation. */
bool pw_mtu_on_lost(struct pw_mtu *m, uint16_t bytes, uint64_t sent_ns, uint64_t now_ns)
{
	bool alone = bytes > m->arrived_bytes;

	if (m->step + 1 >= m->steps || bytes <= m->payload[m->steps - 1] || sent_ns <= m->found_ns)
		return false;
	m->found_ns = now_ns;
	m->arrived_bytes = 0;
	if (!alone)
		return false;
	if (!m->generations || bytes < m->lost_bytes)
		m->lost_bytes = bytes;
	if (++m->generations < PW_MTU_GENERATIONS)
		return false;
	step_down(m);
	m->generations = 0;
	m->probes = 0;
	m->probe_ns = now_ns + PW_MTU_PROBE_NS;
	return true;
}

bool pw_mtu_probe_due(struct pw_mtu *m, uint64_t now_ns, uint16_t *bytes)
{
	if (!m->step || now_ns < m->probe_ns)
		return false;
	*bytes = m->payload[m->step - 1];
	m->probes = (uint8_t)(m->probes % PW_MTU_PROBES + 1);
	m->probe_ns = now_ns + (m->probes < PW_MTU_PROBES ? PW_MTU_PROBE_NS : PW_MTU_PROBE_PAUSE_NS);
	return true;
}

bool pw_mtu_on_probe_acked(struct pw_mtu *m, uint16_t bytes, uint64_t now_ns)
{
	if (!m->step || bytes != m->payload[m->step - 1])
		return false;
	m->step--;
	m->generations = 0;
	m->probes = 0;
	m->probe_ns = now_ns;	/* the next one at once */
	return true;
}
