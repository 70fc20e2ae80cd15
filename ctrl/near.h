/* SPDX-License-Identifier: BSD-3-Clause */
/* near.h - which word was meant */
#ifndef PW_NEAR_H
#define PW_NEAR_H

/* How many characters must be changed, added, dropped or swapped with the next
 * to make b of a. Words are looked at up to 63 characters. */
unsigned pw_near_distance(const char *a, const char *b);

/* The nearer of best (or NULL) and candidate, if near enough to word to ask
 * "did you mean": a third of its characters, one at least. Else best. */
const char *pw_near_pick(const char *word, const char *best, const char *candidate);

#endif /* PW_NEAR_H */
