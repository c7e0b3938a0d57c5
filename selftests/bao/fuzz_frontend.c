// SPDX-License-Identifier: GPL-2.0
/* What the simulator does to the driver: accesses, faults, and the life of the endpoints */
#include <limits.h>
#include <string.h>

#include "backend.h"
#include "fuzz.h"
#include "modules.h"
#include "sim.h"

static struct fuzz_device *pick_device(struct fuzz *f)
{
	return &FUZZ_PICK(f, f->dev);
}

static struct bao_sim_counters read_counters(struct fuzz_device *dev)
{
	struct bao_sim_counters c = { .dm_id = dev->dm_id };

	do_ioctl(sim_fd(), BAO_SIM_COUNTERS, &c);
	return c;
}

static struct bao_sim_vcpu read_vcpu(struct fuzz_device *dev, unsigned int nr)
{
	struct bao_sim_vcpu vcpu = { .dm_id = dev->dm_id, .vcpu = nr };

	do_ioctl(sim_fd(), BAO_SIM_VCPU, &vcpu);
	return vcpu;
}

static unsigned int count_processing(struct fuzz_device *dev)
{
	unsigned int i, nr = 0;

	for (i = 0; i < FUZZ_IDS; i++)
		nr += dev->request[i].state == REQ_PROCESSING;
	return nr;
}

static bool is_settled(struct fuzz_device *dev)
{
	struct bao_sim_counters c = read_counters(dev);

	return c.pending == dev->nr_pending && c.processing == count_processing(dev) &&
	       c.completes == dev->counters.completes &&
	       c.complete_errors == dev->counters.complete_errors;
}

/*
 * The driver asks in the interrupt, which comes before the ioctl that raised it returns, but it may
 * leave that to a thread.
 */
void frontend_settle(struct fuzz *f, struct fuzz_device *dev)
{
	struct bao_sim_counters c;

	if (wait_until(is_settled(dev)))
		return;
	c = read_counters(dev);
	fuzz_fail(f, "device %u: %u pending, %u processing, %u done, %u refused; not %u %u %u %u",
		  dev->dm_id, c.pending, c.processing, c.completes, c.complete_errors,
		  dev->nr_pending, count_processing(dev), dev->counters.completes,
		  dev->counters.complete_errors);
}

static void check_vcpu(struct fuzz *f, struct fuzz_device *dev, unsigned int nr)
{
	struct bao_sim_vcpu is = read_vcpu(dev, nr);
	struct fuzz_vcpu *vcpu = &dev->vcpu[nr];
	bool same = is.parked == vcpu->parked && is.done == vcpu->done &&
		    is.result == vcpu->result;

	FUZZ_CHECK(f, same,
		   "device %u vCPU %u: parked %u done %u result %llx; not %u %u %llx",
		   dev->dm_id, nr, is.parked, is.done, is.result, vcpu->parked, vcpu->done,
		   vcpu->result);
}

/* Accesses */

static __u64 pick_addr(struct fuzz *f)
{
	static const __u64 edges[] = {
		0, 1, FUZZ_BASE - 8, FUZZ_BASE - 1, FUZZ_BASE + 0x1ff, FUZZ_BASE + 0x200,
		0xffffffff, 0x100000000, FUZZ_BASE + 0x100000050, ~0ull - 7, ~0ull,
	};

	switch (prng_below(&f->prng, 8)) {
	case 0:
		return FUZZ_PICK(f, edges);
	case 1:
		return prng_next(&f->prng);
	case 2:
	case 3:
		return FUZZ_BASE + prng_below(&f->prng, 0x220);
	default:
		return FUZZ_BASE + 0x50 + 2 * prng_below(&f->prng, 8);
	}
}

static __u32 pick_width(struct fuzz *f)
{
	static const __u32 right[] = { 1, 2, 4, 8 };
	static const __u32 wrong[] = { 0, 3, 5, 7, 9, 16, 255, INT_MAX, UINT_MAX };

	return prng_one_in(&f->prng, 20) ? FUZZ_PICK(f, wrong) : FUZZ_PICK(f, right);
}

static struct bao_sim_access pick_access(struct fuzz *f, struct fuzz_device *dev)
{
	bool small = prng_one_in(&f->prng, 2);

	return (struct bao_sim_access) {
		.dm_id = dev->dm_id,
		.vcpu = prng_below(&f->prng, FUZZ_VCPUS),
		.addr = pick_addr(f),
		.value = small ? prng_below(&f->prng, 4) : prng_next(&f->prng),
		.op = prng_below(&f->prng, 2),
		.width = pick_width(f),
		.count = 1,
	};
}

/* Both in the hypervisor and in the model; returns whether the vCPU was free */
static bool start(struct fuzz *f, struct fuzz_device *dev, struct bao_sim_access *access)
{
	fuzz_say(f, "device %u vCPU %u: %u %s of %llx, width %u, value %llx", dev->dm_id,
		 access->vcpu, access->count, access->op ? "reads" : "writes", access->addr,
		 access->width, access->value);
	fuzz_expect(f, do_ioctl(sim_fd(), BAO_SIM_START, access), 0);
	return model_start(dev, access);
}

void frontend_access(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);
	struct bao_sim_access access = pick_access(f, dev);

	start(f, dev, &access);
	model_serve(dev);
	frontend_settle(f, dev);
	check_vcpu(f, dev, access.vcpu);
}

static void stop_vcpu(struct fuzz *f, struct fuzz_device *dev, unsigned int nr)
{
	struct bao_sim_vcpu vcpu = { .dm_id = dev->dm_id, .vcpu = nr };

	fuzz_say(f, "device %u vCPU %u: stop", dev->dm_id, nr);
	fuzz_expect(f, do_ioctl(sim_fd(), BAO_SIM_STOP, &vcpu), 0);
	dev->vcpu[nr].left = 0;
}

/*
 * What an ioeventfd wants, perhaps several times in a row. No vCPU is left with more to do: when it
 * did so, in the middle of what another operation does, would be a matter of luck.
 */
void frontend_kick(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);
	struct bao_sim_access access = pick_access(f, dev);
	struct fuzz_range *range;

	if (!dev->nr_ranges) {
		frontend_access(f);
		return;
	}
	range = &dev->range[prng_below(&f->prng, dev->nr_ranges)];
	access.op = BAO_IO_WRITE;
	access.addr = range->addr;
	access.width = range->size;
	if (!range->any_value)
		access.value = range->value;
	/* What is above the width is not for the device */
	if (range->size < 8 && prng_one_in(&f->prng, 2))
		access.value |= prng_next(&f->prng) << 8 * range->size;
	access.count = 1 + prng_below(&f->prng, 10);
	start(f, dev, &access);
	model_serve(dev);
	frontend_settle(f, dev);
	stop_vcpu(f, dev, access.vcpu);
	check_vcpu(f, dev, access.vcpu);
}

static void inject(struct fuzz *f, struct fuzz_device *dev, enum bao_sim_point point,
		   unsigned int skip, unsigned int count, long long value)
{
	fuzz_say(f, "device %u fault %u: skip %u count %u value %lld", dev->dm_id, point, skip,
		 count, value);
	fuzz_expect(f, sim_fault(dev->dm_id, point, skip, count, value), 0);
	dev->fault[point] = (struct bao_sim_fault) {
		.skip = skip,
		.count = count,
		.value = value,
	};
}

static void raise_irq(struct fuzz *f, struct fuzz_device *dev)
{
	fuzz_say(f, "device %u interrupt", dev->dm_id);
	fuzz_expect(f, sim_raise(dev->dm_id), 0);
	model_serve(dev);
	frontend_settle(f, dev);
}

/* One interrupt for many */
void frontend_merged(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);
	unsigned int n = 1 + prng_below(&f->prng, 40);

	inject(f, dev, BAO_SIM_IRQ, 0, UINT_MAX, 0);
	while (n--) {
		struct bao_sim_access access = pick_access(f, dev);

		start(f, dev, &access);
	}
	inject(f, dev, BAO_SIM_IRQ, 0, 0, 0);
	raise_irq(f, dev);
}

void frontend_raise(struct fuzz *f)
{
	raise_irq(f, pick_device(f));
}

/* Faults */

static long long pick_code(struct fuzz *f)
{
	static const long long codes[] = { -1, -2, -3, 1, 2, -19, INT_MAX, INT_MIN };

	return FUZZ_PICK(f, codes);
}

static long long pick_bad_id(struct fuzz *f)
{
	static const long long ids[] = { -1, -2, -256, INT_MIN, 256, 257, 511, 512, INT_MAX };

	/* Or one that is good, but perhaps taken */
	return prng_one_in(&f->prng, 2) ? FUZZ_PICK(f, ids) : prng_below(&f->prng, FUZZ_VCPUS);
}

void fault_inject(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);
	enum bao_sim_point point = prng_below(&f->prng, BAO_SIM_IRQ);
	unsigned int skip = prng_below(&f->prng, 3), count = 1 + prng_below(&f->prng, 3);
	long long value;

	switch (point) {
	case BAO_SIM_ID:
		value = pick_bad_id(f);
		break;
	case BAO_SIM_WIDTH:
		value = pick_width(f);
		break;
	case BAO_SIM_OP:
		value = prng_below(&f->prng, 6) - 1ll;
		break;
	case BAO_SIM_MORE:
		value = prng_below(&f->prng, 2);
		break;
	case BAO_SIM_ASK:
		/* How often the driver asks is its own business, so this one is there or not */
		skip = 0;
		count = UINT_MAX;
		value = pick_code(f);
		break;
	default:
		value = pick_code(f);
		break;
	}
	inject(f, dev, point, skip, count, value);
}

static void clear(struct fuzz *f, struct fuzz_device *dev, enum bao_sim_point point)
{
	inject(f, dev, point, 0, 0, 0);
	/* What was refused comes with the next interrupt */
	if (point == BAO_SIM_ASK)
		raise_irq(f, dev);
}

void fault_clear(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);

	clear(f, dev, prng_one_in(&f->prng, 2) ? BAO_SIM_ASK : prng_below(&f->prng, BAO_SIM_IRQ));
}

/* Life */

static __u64 life_errors(struct fuzz_device *dev, enum bao_sim_event event)
{
	bool possible = false;

	switch (event) {
	case BAO_SIM_BIND:
		possible = dev->service == FUZZ_UNBOUND;
		break;
	case BAO_SIM_UNBIND:
		possible = dev->service != FUZZ_UNBOUND;
		break;
	case BAO_SIM_SHUTDOWN:
		possible = dev->service == FUZZ_BOUND || dev->service == FUZZ_SUSPENDED;
		break;
	case BAO_SIM_SUSPEND:
		possible = dev->service == FUZZ_BOUND;
		break;
	case BAO_SIM_RESUME:
		possible = dev->service == FUZZ_SUSPENDED;
		break;
	}
	return possible ? 0 : ERROR(EBUSY);
}

static void live(struct fuzz *f, struct fuzz_device *dev, enum bao_sim_event event)
{
	static const char * const names[] = { "bind", "unbind", "shutdown", "suspend", "resume" };
	__u64 errors = life_errors(dev, event);

	fuzz_say(f, "device %u: %s", dev->dm_id, names[event]);
	fuzz_expect(f, sim_life(sim_fd(), dev->dm_id, event), errors);
	if (errors)
		return;
	switch (event) {
	case BAO_SIM_BIND:
		model_bind(dev);
		break;
	case BAO_SIM_UNBIND:
		model_unbind(f, dev);
		break;
	case BAO_SIM_SHUTDOWN:
		model_shutdown(dev);
		break;
	case BAO_SIM_SUSPEND:
		dev->service = FUZZ_SUSPENDED;
		break;
	case BAO_SIM_RESUME:
		dev->service = FUZZ_BOUND;
		model_serve(dev);
		break;
	}
	frontend_settle(f, dev);
}

void life_event(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);

	/* Back to where something happens soon, or on */
	if (dev->service != FUZZ_BOUND && prng_one_in(&f->prng, 2))
		live(f, dev, dev->service == FUZZ_SUSPENDED ? BAO_SIM_RESUME :
			     dev->service == FUZZ_UNBOUND ? BAO_SIM_BIND : BAO_SIM_UNBIND);
	else
		live(f, dev, prng_below(&f->prng, BAO_SIM_RESUME + 1));
}

static void set_remio(struct fuzz *f, struct fuzz_device *dev, bool bind)
{
	bool possible = dev->service != FUZZ_UNBOUND && dev->remio != bind;
	int ret;

	fuzz_say(f, "device %u: %s bao_remio", dev->dm_id, bind ? "bind" : "unbind");
	ret = bind ? remio_bind(dev->dm_id) : remio_unbind(dev->dm_id);
	FUZZ_CHECK(f, !ret == possible, "returns %d", ret);
	if (possible && bind)
		dev->remio = true;
	if (possible && !bind)
		model_remio_unbind(f, dev);
	frontend_settle(f, dev);
}

void life_remio(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);

	set_remio(f, dev, !dev->remio || prng_one_in(&f->prng, 3));
}

static void add_device(struct fuzz *f, struct fuzz_device *dev)
{
	struct bao_sim_device info = { .dm_id = dev->dm_id, .shmem_size = FUZZ_WINDOW };

	fuzz_say(f, "device %u: add", dev->dm_id);
	fuzz_expect(f, do_ioctl(sim_fd(), BAO_SIM_ADD, &info), 0);
	live(f, dev, BAO_SIM_BIND);
}

/* The frontend goes as well, and with it vCPUs that nobody can answer any more */
void life_replace(struct fuzz *f)
{
	struct fuzz_device *dev = pick_device(f);
	__u32 dm_id = dev->dm_id;

	fuzz_say(f, "device %u: remove", dm_id);
	fuzz_expect(f, do_ioctl(sim_fd(), BAO_SIM_DEL, &dm_id), 0);
	if (dev->service != FUZZ_UNBOUND)
		model_unbind(f, dev);
	*dev = (struct fuzz_device){ .dm_id = dm_id };
	add_device(f, dev);
}

int frontend_begin(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < FUZZ_DEVICES; i++) {
		f->dev[i].dm_id = FUZZ_FIRST_DM + i;
		add_device(f, &f->dev[i]);
	}
	return *f->failure ? -EIO : 0;
}

/* Checks */

const char * const fuzz_stat_names[FUZZ_NR_STATS] = {
	[FUZZ_REQUESTS] = "requests",
	[FUZZ_COMPLETES] = "completes",
	[FUZZ_COMPLETE_ERRORS] = "complete_errors",
	[FUZZ_NOTIFIES] = "notifies",
	[FUZZ_NOTIFY_ERRORS] = "notify_errors",
	[FUZZ_DEFAULT_ANSWERS] = "default_answers",
	[FUZZ_SIGNALS] = "signals",
};

static void check_driver(struct fuzz *f, struct fuzz_device *dev)
{
	unsigned int i, waiting = 0, owned = 0;

	for (i = 0; i < FUZZ_IDS; i++) {
		waiting += dev->slot[i].state == SLOT_QUEUED;
		owned += dev->slot[i].state == SLOT_OWNED;
	}
	/* The last one may still be on its way to the queue */
	FUZZ_CHECK(f, wait_until(statistic(dev->dm_id, "waiting") == waiting),
		   "device %u: %lld wait, not %u", dev->dm_id, statistic(dev->dm_id, "waiting"),
		   waiting);
	FUZZ_CHECK(f, statistic(dev->dm_id, "owned") == owned, "device %u: %lld owned, not %u",
		   dev->dm_id, statistic(dev->dm_id, "owned"), owned);
	for (i = 0; i < FUZZ_NR_STATS; i++) {
		long long value = statistic(dev->dm_id, fuzz_stat_names[i]);

		FUZZ_CHECK(f, value == dev->stats[i], "device %u: %s is %lld, not %llu",
			   dev->dm_id, fuzz_stat_names[i], value, dev->stats[i]);
	}
}

static void check_counters(struct fuzz *f, struct fuzz_device *dev)
{
	const struct bao_sim_counters *m = &dev->counters;
	struct bao_sim_counters c;

	frontend_settle(f, dev);
	c = read_counters(dev);
	FUZZ_CHECK(f, c.violations == m->violations, "device %u: %u violations, not %u",
		   dev->dm_id, c.violations, m->violations);
	FUZZ_CHECK(f, c.accesses == m->accesses, "device %u: %u accesses, not %u", dev->dm_id,
		   c.accesses, m->accesses);
	FUZZ_CHECK(f, c.notifies == m->notifies, "device %u: %u interrupts, not %u", dev->dm_id,
		   c.notifies, m->notifies);
}

/* What is cheap enough to be looked at after each operation */
void frontend_check(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < FUZZ_DEVICES && !*f->failure; i++)
		check_counters(f, &f->dev[i]);
}

void frontend_check_all(struct fuzz *f)
{
	unsigned int i, nr;

	frontend_check(f);
	for (i = 0; i < FUZZ_DEVICES && !*f->failure; i++) {
		for (nr = 0; nr < FUZZ_VCPUS; nr++)
			check_vcpu(f, &f->dev[i], nr);
		if (f->dev[i].service != FUZZ_UNBOUND)
			check_driver(f, &f->dev[i]);
	}
}

static bool is_lost(struct fuzz_device *dev, unsigned int vcpu)
{
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		if (dev->request[i].state != REQ_FREE && dev->request[i].vcpu == vcpu)
			return true;
	}
	return false;
}

static void drain(struct fuzz *f, struct fuzz_device *dev)
{
	unsigned int i;

	for (i = 0; i < BAO_SIM_NR_POINTS; i++)
		clear(f, dev, i);
	if (dev->service == FUZZ_SHUT_DOWN)
		live(f, dev, BAO_SIM_UNBIND);
	if (dev->service == FUZZ_UNBOUND)
		live(f, dev, BAO_SIM_BIND);
	if (dev->service == FUZZ_SUSPENDED)
		live(f, dev, BAO_SIM_RESUME);
	if (!dev->remio)
		set_remio(f, dev, true);
	calls_drain(f, dev);
	for (i = 0; i < FUZZ_VCPUS && !*f->failure; i++)
		FUZZ_CHECK(f, !read_vcpu(dev, i).parked || is_lost(dev, i),
			   "device %u vCPU %u stands still for ever", dev->dm_id, i);
}

/* All that can be answered is answered, and nothing is left */
void frontend_drain(struct fuzz *f)
{
	unsigned int i;

	calls_end(f);
	for (i = 0; i < FUZZ_DEVICES && !*f->failure; i++)
		drain(f, &f->dev[i]);
	frontend_check_all(f);
}
