/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * units.h - sizes, rates and times as people write and read them
 *
 * Sizes count in 1024 ("64G" is 64 GiB); rates on a wire count in bits and in
 * 1000 ("10 Gbit/s"), as the people who own wires do.
 */
#ifndef PW_UNITS_H
#define PW_UNITS_H

#include <stdint.h>

/* All parsers: 0; -EINVAL if text is no such thing; -ERANGE if it does not fit.
 * *value is unchanged then. */

/* "7" */
int pw_units_parse_number(const char *text, uint64_t *value);

/* "4096", "512M", "1.5GiB" */
int pw_units_parse_size(const char *text, uint64_t *bytes);

/* Bytes per second: a size, with or without "/s", or bits: "100Gbit", "2.5Gbit/s". */
int pw_units_parse_rate(const char *text, uint64_t *bytes_per_s);

/* "2", "2s", "500ms", "1.5m" */
int pw_units_parse_seconds(const char *text, double *seconds);

/* Small enough to be passed around: printf("%s", pw_units_bytes(n).text). */
struct pw_units_text {
	char text[24];
};

struct pw_units_text pw_units_bytes(uint64_t bytes);	/* "1.00 GiB" */
struct pw_units_text pw_units_size(uint64_t bytes);	/* as the parser takes it: "512M" */
struct pw_units_text pw_units_bits_per_s(double bytes_per_s);	/* "9.8 Gbit/s" */
struct pw_units_text pw_units_seconds(double seconds);	/* "1.24 s", "583 ms" */
struct pw_units_text pw_units_count(uint64_t n);	/* "393,216" */

#endif /* PW_UNITS_H */
