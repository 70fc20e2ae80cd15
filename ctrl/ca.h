/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ca.h - a small private authority, for those who have none
 *
 *	pw_ca_create(dir)     dir/ca.crt  dir/ca.key
 *	pw_ca_issue(dir, ..)  dir/NAME.crt  dir/NAME.key
 *
 * Keys are EC P-256, in files that only their owner may read. A host needs
 * ca.crt and its own two files; ca.key stays where it was made.
 */
#ifndef PW_CA_H
#define PW_CA_H

#include <stdint.h>

#include "error.h"

#define PW_CA_DAY_S 86400

/* Make an authority in dir, which must exist. -EEXIST if dir has one: it is never replaced. */
int pw_ca_create(const char *dir, struct pw_error *err);

/* A certificate for name (a DNS name, no slash), good for a server and for a client alike. */
struct pw_ca_cert {
	const char *name;
	int64_t valid_s;	/* from now; it is valid from an hour ago, for clocks that differ */
};

/* Issue it with the authority of dir. One that is there already is replaced. */
int pw_ca_issue(const char *dir, const struct pw_ca_cert *cert, struct pw_error *err);

#endif /* PW_CA_H */
