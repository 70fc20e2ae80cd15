/* SPDX-License-Identifier: BSD-3-Clause */
/* steer.c - see steer.h */

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "steer.h"
#include "steer_object.h"

/* libbpf speaks of the section it does not know, libxdp of the map that is
 * missing on purpose, and both of the link that they cannot replace. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int libxdp_says_nothing(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int refused(int status, const char *what, char why[PW_WHY_BYTES])
{
	if (status == -EPERM || status == -EACCES)
		return pw_why(why, status, "%s is not allowed: run pagewired as root, or with "
			      "CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW", what);
	return pw_why(why, status, "%s: the kernel says: %s", what, strerror(-status));
}

int pw_steer_load(struct pw_steer *s, const struct pw_steer_rule *rule, char why[PW_WHY_BYTES])
{
	static const __u32 zero;
	int status;

	libbpf_set_print(say_nothing);
	libxdp_set_print(libxdp_says_nothing);
	*s = (struct pw_steer){ 0 };
	s->object = bpf_object__open_mem(pw_steer_object, pw_steer_object_bytes, NULL);
	if (!s->object)
		return refused(-errno, "opening the XDP program", why);
	status = bpf_object__load(s->object);
	if (!status)
		status = bpf_map_update_elem(pw_steer_map_fd(s, "steer_rule"), &zero, rule, 0);
	if (status) {
		pw_steer_detach(s);
		return refused(status, "loading the XDP program", why);
	}
	return 0;
}

static bool has_program(unsigned index)
{
	__u32 id = 0;

	return bpf_xdp_query_id((int)index, 0, &id) == 0 && id;
}

int pw_steer_attach(struct pw_steer *s, const char *name, char why[PW_WHY_BYTES])
{
	unsigned index = if_nametoindex(name);
	int status;

	s->link = bpf_program__attach_xdp(bpf_object__next_program(s->object, NULL), (int)index);
	if (s->link)
		return 0;
	status = -errno;
	if (!index)
		return pw_why(why, -ENODEV, "there is no interface %s: ip link shows those there are",
			      name);
	if (status == -EBUSY || has_program(index))
		return pw_why(why, -EBUSY, "%s has an XDP program already: end who put it there, or "
			      "ip link set dev %s xdp off", name, name);
	if (status == -ERANGE)	/* veth: a frame and its overhead must fit a page */
		return pw_why(why, status, "the MTU of %s, or of its other end, is too large for XDP: "
			      "ip link set dev %s mtu 3498", name, name);
	return refused(status, "attaching the XDP program", why);
}

int pw_steer_count(const struct pw_steer *s, unsigned queue, struct pw_steer_count *sum)
{
	int cpus = libbpf_num_possible_cpus(), status;
	struct pw_steer_count *each;

	*sum = (struct pw_steer_count){ 0 };
	if (cpus < 0)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	status = bpf_map_lookup_elem(pw_steer_map_fd(s, "steer_counts"), &queue, each);
	for (int i = 0; i < cpus && !status; i++) {
		sum->redirected += each[i].redirected;
		sum->passed += each[i].passed;
		sum->unserved += each[i].unserved;
	}
	free(each);
	return status;
}

int pw_steer_program_fd(const struct pw_steer *s)
{
	return bpf_program__fd(bpf_object__next_program(s->object, NULL));
}

int pw_steer_map_fd(const struct pw_steer *s, const char *name)
{
	return bpf_object__find_map_fd_by_name(s->object, name);
}

void pw_steer_detach(struct pw_steer *s)
{
	bpf_link__destroy(s->link);
	bpf_object__close(s->object);
	*s = (struct pw_steer){ 0 };
}
