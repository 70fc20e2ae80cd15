/* SPDX-License-Identifier: BSD-3-Clause */
/* why.h - why pagewire-dp could not start: one line, what was found and what helps */
#ifndef PW_WHY_H
#define PW_WHY_H

#define PW_WHY_BYTES 200u	/* as in struct pw_seam_ready */

/* Write the line and return status. The first line stays: it is the cause. */
__attribute__((format(printf, 3, 4)))
int pw_why(char why[PW_WHY_BYTES], int status, const char *format, ...);

#endif /* PW_WHY_H */
