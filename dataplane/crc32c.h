/* SPDX-License-Identifier: BSD-3-Clause */
/* crc32c.h - CRC-32C (Castagnoli, RFC 3720) for datagrams in clear mode */
#ifndef PW_CRC32C_H
#define PW_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t pw_crc32c(const void *bytes, size_t n);

#endif /* PW_CRC32C_H */
