/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_machine.c - see guest_machine.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../error.h"
#include "guest_machine.h"
#include "pagewire/check.h"

static const char *const state_names[] = {
	[PW_GUEST_WAITING] = "waiting",
	[PW_GUEST_RUNNING] = "running",
	[PW_GUEST_PAUSED] = "paused",
	[PW_GUEST_RELEASED] = "released",
};
static_assert(PW_ARRAY_SIZE(state_names) == PW_NUM_GUEST_STATES, "every state has a name");

const char *pw_guest_machine_state_name(enum pw_guest_state state)
{
	return state_names[state];
}

static void vgpu_begin_save(void *device, bool stopped)
{
	pw_guest_vgpu_begin_save(device, stopped);
}

static void vgpu_finish_save(void *device)
{
	pw_guest_vgpu_finish_save(device);
}

static void vgpu_abort_save(void *device)
{
	pw_guest_vgpu_abort_save(device);
}

static int vgpu_save(void *device, const struct pw_guest_pipe *p)
{
	return pw_guest_vgpu_save(device, p);
}

static int vgpu_load(void *device, const struct pw_guest_pipe *p)
{
	return pw_guest_vgpu_load(device, p);
}

static void vgpu_info(void *device, struct pw_agent_device_info *info)
{
	pw_guest_vgpu_info(device, info);
}

static const struct pw_guest_device_ops vgpu_ops = {
	.begin_save = vgpu_begin_save,
	.finish_save = vgpu_finish_save,
	.abort_save = vgpu_abort_save,
	.save = vgpu_save,
	.load = vgpu_load,
	.info = vgpu_info,
};

static void cpu_begin_save(void *device, bool stopped)
{
	(void)device;
	PW_CHECK(stopped);	/* it has no PRE_COPY */
}

static void cpu_ignore(void *device)
{
	(void)device;
}

static int cpu_save(void *device, const struct pw_guest_pipe *p)
{
	return pw_guest_registers_save(device, p);
}

static int cpu_load(void *device, const struct pw_guest_pipe *p)
{
	return pw_guest_registers_load(device, p);
}

static void cpu_info(void *device, struct pw_agent_device_info *info)
{
	info->stop_bytes = pw_guest_registers_bytes(device);
}

static const struct pw_guest_device_ops cpu_ops = {
	.begin_save = cpu_begin_save,
	.finish_save = cpu_ignore,
	.abort_save = cpu_ignore,
	.save = cpu_save,
	.load = cpu_load,
	.info = cpu_info,
};

static int add_device(struct pw_guest_machine *m, const struct pw_guest_device *d)
{
	int err;

	m->device[m->devices] = *d;
	m->device[m->devices].done_fd = m->done_fd;
	err = pw_guest_device_init(&m->device[m->devices],
				   m->plan.incoming ? PW_DEVICE_STOP : PW_DEVICE_RUNNING);
	if (!err)
		m->devices++;
	return err;
}

static int add_devices(struct pw_guest_machine *m)
{
	struct pw_guest_device cpu = {
		.about = { .name = "cpu" },
		.ops = &cpu_ops,
		.device = &m->registers,
	};
	int err = 0;

	for (uint32_t i = 0; i < m->body.vgpus && !err; i++) {
		struct pw_guest_device vgpu = {
			.about = {
				.flags = PW_DEVICE_CAN_PRE_COPY,
				.memory_bytes = m->body.vgpu[i].memory_bytes,
			},
			.ops = &vgpu_ops,
			.device = &m->body.vgpu[i],
		};

		snprintf(vgpu.about.name, sizeof(vgpu.about.name), "vgpu%u", i);
		err = add_device(m, &vgpu);
	}
	return err ? err : add_device(m, &cpu);
}

/* A guest that is born here writes all it has before it runs; one that is to
 * come has its memory ready, so that nothing faults in the stun. */
static int give_birth(struct pw_guest_machine *m)
{
	pw_guest_workload_init(&m->workload, &m->plan.rates, m->plan.seed);
	if (m->plan.incoming)
		return pw_guest_body_populate(&m->body);
	pw_guest_workload_fill(&m->workload, &m->body);
	pw_guest_ledger_arrive(&m->body.ledger);
	return 0;
}

static int start_parts(struct pw_guest_machine *m)
{
	int err;

	m->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->done_fd < 0)
		return -errno;
	err = give_birth(m);
	if (!err)
		err = add_devices(m);
	if (!err)
		err = pw_guest_engine_create(&m->engine, &m->workload, &m->body);
	return err;
}

static void destroy_devices(struct pw_guest_machine *m)
{
	for (uint32_t i = 0; i < m->devices; i++)
		pw_guest_device_fini(&m->device[i]);
	if (m->done_fd >= 0)
		close(m->done_fd);
}

static void start_engine(struct pw_guest_machine *m)
{
	m->state = PW_GUEST_RUNNING;
	m->times.first_step_ns = pw_guest_engine_run(&m->engine);
}

int pw_guest_machine_create(struct pw_guest_machine *m, const struct pw_guest_plan *plan,
			    struct pw_error *e)
{
	int err;

	*m = (struct pw_guest_machine){ .plan = *plan, .done_fd = -1 };
	m->registers = (struct pw_guest_registers){ &m->workload, &m->body };
	err = pw_guest_body_create(&m->body, &plan->size, e);
	if (err)
		return err;
	err = start_parts(m);
	if (err) {
		destroy_devices(m);
		pw_guest_body_destroy(&m->body);
		return pw_fail(e, err, "PW-8003",
			       "cannot start the guest\n%s\n"
			       "make room for its memory and threads on this host", strerror(-err));
	}
	if (!plan->incoming)
		start_engine(m);
	m->first_step = plan->incoming ? 0 : 1;
	return 0;
}

void pw_guest_machine_destroy(struct pw_guest_machine *m)
{
	pw_guest_engine_destroy(&m->engine);
	destroy_devices(m);
	pw_guest_body_destroy(&m->body);
}

int pw_guest_machine_pause(struct pw_guest_machine *m)
{
	if (m->state == PW_GUEST_PAUSED)
		return 0;
	if (m->state != PW_GUEST_RUNNING)
		return -EINVAL;
	pw_guest_engine_park(&m->engine);
	m->state = PW_GUEST_PAUSED;
	m->times = (struct pw_agent_times){ .last_step_ns = m->workload.last_step_ns };
	return 0;
}

static void reset_devices(struct pw_guest_machine *m, enum pw_device_state state)
{
	for (uint32_t i = 0; i < m->devices; i++)
		pw_guest_device_reset(&m->device[i], state);
}

/* One that is pre-copied goes on with it: PRE_COPY is a state of a guest that runs. */
static void resume_devices(struct pw_guest_machine *m)
{
	for (uint32_t i = 0; i < m->devices; i++)
		if (m->device[i].state != PW_DEVICE_PRE_COPY)
			pw_guest_device_reset(&m->device[i], PW_DEVICE_RUNNING);
}

int pw_guest_machine_resume(struct pw_guest_machine *m)
{
	if (m->state == PW_GUEST_RUNNING)
		return 0;
	if (m->state != PW_GUEST_PAUSED)
		return -EINVAL;
	resume_devices(m);
	start_engine(m);
	return 0;
}

int pw_guest_machine_release(struct pw_guest_machine *m)
{
	if (m->state == PW_GUEST_RELEASED)
		return 0;
	if (m->state != PW_GUEST_PAUSED)
		return -EINVAL;
	reset_devices(m, PW_DEVICE_STOP);
	m->state = PW_GUEST_RELEASED;
	return 0;
}

static bool is_permitted(const struct pw_guest_machine *m, const struct pw_agent_permit *permit)
{
	return m->prepared && m->permit.epoch == permit->epoch &&
	       !memcmp(m->permit.migration, permit->migration, sizeof(permit->migration));
}

int pw_guest_machine_prepare(struct pw_guest_machine *m, const struct pw_agent_permit *permit)
{
	if (m->state != PW_GUEST_WAITING)
		return -EINVAL;
	if (m->prepared && !is_permitted(m, permit))	/* its memory is another's: DISCARD first */
		return -EBUSY;
	m->prepared = true;
	m->permit = *permit;
	return 0;
}

static bool all_loaded(const struct pw_guest_machine *m)
{
	for (uint32_t i = 0; i < m->devices; i++)
		if (!m->device[i].loaded)
			return false;
	return true;
}

int pw_guest_machine_run(struct pw_guest_machine *m, const struct pw_agent_permit *permit)
{
	int err;

	if (m->state != PW_GUEST_WAITING && m->state != PW_GUEST_RUNNING)
		return -EINVAL;
	if (!is_permitted(m, permit))
		return -EPERM;
	if (m->state == PW_GUEST_RUNNING)
		return 0;
	if (!all_loaded(m))
		return -EBUSY;
	err = pw_guest_body_sabotage(&m->body, m->plan.sabotage);
	if (err)
		return err;

	reset_devices(m, PW_DEVICE_RUNNING);
	pw_guest_ledger_arrive(&m->body.ledger);
	m->arrived_step = m->workload.step;
	m->times.last_step_ns = m->workload.last_step_ns;
	start_engine(m);
	m->first_step = m->engine.first_step;
	return 0;
}

int pw_guest_machine_discard(struct pw_guest_machine *m, const struct pw_agent_permit *permit)
{
	if (m->state != PW_GUEST_WAITING)
		return -EINVAL;
	if (!m->prepared)
		return 0;
	if (!is_permitted(m, permit))
		return -EPERM;
	reset_devices(m, PW_DEVICE_STOP);
	m->prepared = false;
	pw_guest_workload_init(&m->workload, &m->plan.rates, m->plan.seed);
	return pw_guest_body_forget(&m->body);
}

int pw_guest_machine_device_state(struct pw_guest_machine *m, const struct pw_agent_device_state *s,
				  int *data_fd)
{
	bool resuming = s->state == PW_DEVICE_RESUMING;

	*data_fd = -1;
	if (s->device >= m->devices || m->state == PW_GUEST_RELEASED)
		return -EINVAL;
	if (resuming != (m->state == PW_GUEST_WAITING) && s->state != PW_DEVICE_STOP)
		return -EINVAL;	/* loading is for a guest that waits, saving for one that does not */
	if (resuming && !m->prepared)
		return -EPERM;
	return pw_guest_device_enter(&m->device[s->device], s->state,
				     m->state != PW_GUEST_RUNNING, data_fd);
}

void pw_guest_machine_orphan(struct pw_guest_machine *m)
{
	if (m->state == PW_GUEST_RUNNING || m->state == PW_GUEST_PAUSED)
		reset_devices(m, PW_DEVICE_RUNNING);
}

static bool has_continued(const struct pw_guest_machine *m)
{
	return pw_guest_workload_is_continuous(&m->workload) &&
	       pw_guest_ledger_is_whole(&m->body.ledger) && m->first_step == m->arrived_step + 1;
}

int pw_guest_machine_check(struct pw_guest_machine *m, struct pw_guest_report *report)
{
	if (m->state == PW_GUEST_WAITING)
		return -EINVAL;
	if (m->state == PW_GUEST_RUNNING)
		pw_guest_engine_park(&m->engine);
	pw_guest_body_check(&m->body, &report->check);
	report->step = m->workload.step;
	report->dirtied_pages = pw_guest_ledger_written_here(&m->body.ledger);
	report->continued = has_continued(m);
	if (m->state == PW_GUEST_RUNNING)
		pw_guest_engine_run(&m->engine);
	return 0;
}
