/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_vgpu_mark.h - marks of a vGPU's blocks, for guest_vgpu*.c only */
#ifndef PW_GUEST_VGPU_MARK_H
#define PW_GUEST_VGPU_MARK_H

#include "guest_vgpu.h"

#define PW_MARK_WRITTEN 0x1u	/* ever: not zero */
#define PW_MARK_DIRTY	0x2u	/* differs from what was sent, or was never sent */
#define PW_MARK_INITIAL 0x4u	/* was settled when PRE_COPY began, and not sent yet */
#define PW_MARK_ARRIVED 0x8u	/* target: came in this load */

/* Not written for a while: worth sending while the engine runs. Under lock. */
bool pw_guest_vgpu_mark_is_settled(const struct pw_guest_vgpu *v, uint32_t block);

#endif /* PW_GUEST_VGPU_MARK_H */
