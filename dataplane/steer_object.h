/* SPDX-License-Identifier: BSD-3-Clause */
/* steer_object.h - the XDP program as it was compiled, so that no file must lie beside ours */
#ifndef PW_STEER_OBJECT_H
#define PW_STEER_OBJECT_H

#include <stddef.h>

extern const unsigned char pw_steer_object[];
extern const size_t pw_steer_object_bytes;

#endif /* PW_STEER_OBJECT_H */
