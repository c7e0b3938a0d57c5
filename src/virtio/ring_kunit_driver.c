// SPDX-License-Identifier: GPL-2.0
/*
 * The driver in KUnit tests of rings. It follows the rules; tests that break them write to the
 * window themselves.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/overflow.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <asm/barrier.h>

#include "ring_kunit.h"

#define PACKED_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	BIT(VRING_PACKED_DESC_F_USED)
#define PACKED_WRAP	BIT(VRING_PACKED_EVENT_F_WRAP_CTR)

const struct ring_config ring_configs[RING_NR_CONFIGS] = {
	{ .name = "split", .num = 8 },
	{ .name = "split, in order", .num = 8, .in_order = true },
	{ .name = "split, events", .num = 8, .event_idx = true },
	{ .name = "split, events, in order", .num = 16, .event_idx = true, .in_order = true },
	{ .name = "split, 256", .num = 256, .event_idx = true },
	{ .name = "packed", .packed = true, .num = 8 },
	{ .name = "packed, in order", .packed = true, .num = 8, .in_order = true },
	{ .name = "packed, events", .packed = true, .num = 11, .event_idx = true },
	{ .name = "packed, events, in order", .packed = true, .num = 9, .event_idx = true,
	  .in_order = true },
	{ .name = "packed, 255", .packed = true, .num = 255, .event_idx = true },
};

const struct ring_config ring_small_configs[RING_NR_SMALL_CONFIGS] = {
	{ .name = "split, 1", .num = 1 },
	{ .name = "split, 1, in order", .num = 1, .in_order = true },
	{ .name = "split, 1, events", .num = 1, .event_idx = true },
	{ .name = "split, 2, events, in order", .num = 2, .event_idx = true, .in_order = true },
	{ .name = "packed, 1", .packed = true, .num = 1 },
	{ .name = "packed, 1, in order", .packed = true, .num = 1, .in_order = true },
	{ .name = "packed, 1, events", .packed = true, .num = 1, .event_idx = true },
	{ .name = "packed, 2, events, in order", .packed = true, .num = 2, .event_idx = true,
	  .in_order = true },
};

/**
 * ring_config_name() - name of a kind of ring
 * @config: kind
 * @name: is filled
 */
void ring_config_name(const struct ring_config *config, char *name)
{
	strscpy(name, config->name, KUNIT_PARAM_DESC_SIZE);
}

static void *translate(struct bao_vdev_host *host, u64 addr, size_t len)
{
	struct ring_test *t = container_of(host, struct ring_test, host);

	if (t->everywhere)
		return t->window + addr % RING_WINDOW;
	if (addr < RING_BASE || addr - RING_BASE > RING_WINDOW ||
	    len > RING_WINDOW - (addr - RING_BASE))
		return NULL;

	return t->window + (addr - RING_BASE);
}

static int notify(struct bao_vdev_host *host)
{
	struct ring_test *t = container_of(host, struct ring_test, host);

	t->interrupts++;
	if (t->interrupt)
		t->interrupt(t);

	return 0;
}

static const struct bao_vdev_host_ops host_ops = {
	.translate = translate,
	.notify = notify,
};

/**
 * ring_test_create() - make a device and its driver
 * @test: test, which frees it
 * @config: kind of ring
 * @features: more features than those of @config
 *
 * Return: it, with the queue's registers set, but before ring_test_setup()
 */
struct ring_test *ring_test_create(struct kunit *test, const struct ring_config *config,
				   u64 features)
{
	struct ring_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct bao_vdev_core *core;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	core = kunit_kzalloc(test, struct_size(core, vq, 1), GFP_KERNEL);
	t->window = kunit_kzalloc(test, RING_WINDOW, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, core);
	KUNIT_ASSERT_NOT_NULL(test, t->window);
	t->config = config;
	t->core = core;
	t->vq = &core->vq[0];
	t->host.ops = &host_ops;
	t->model.name = "kunit";
	t->vdev.group.cg_item.ci_name = "ring";
	t->vdev.model = &t->model;
	t->vdev.core = core;
	t->vdev.nr_queues = 1;
	spin_lock_init(&t->vdev.lock);

	core->vdev = &t->vdev;
	core->host = &t->host;
	core->queue_size = config->num;
	core->features = features | BIT_ULL(VIRTIO_F_VERSION_1);
	if (config->packed)
		core->features |= BIT_ULL(VIRTIO_F_RING_PACKED);
	if (config->event_idx)
		core->features |= BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	if (config->in_order)
		core->features |= BIT_ULL(VIRTIO_F_IN_ORDER);

	t->vq->vdev = &t->vdev;
	t->vq->num = config->num;
	t->vq->desc = RING_BASE + RING_DESC;
	t->vq->driver = RING_BASE + RING_DRIVER;
	t->vq->device = RING_BASE + RING_DEVICE;
	t->vq->running = true;
	t->vq->buffers = kunit_kcalloc(test, config->num, sizeof(*t->vq->buffers), GFP_KERNEL);
	t->vq->iov = kunit_kcalloc(test, config->num, sizeof(*t->vq->iov), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->vq->buffers);
	KUNIT_ASSERT_NOT_NULL(test, t->vq->iov);
	ring_test_reset(t);

	return t;
}

/**
 * ring_test_reset() - the driver resets the device, and begins anew
 * @t: test
 *
 * The queue's registers keep what they have. It is not ready before ring_test_setup().
 */
void ring_test_reset(struct ring_test *t)
{
	struct ring_driver *d = &t->driver;
	unsigned int i;

	memset(t->window, 0, RING_WINDOW);
	*d = (struct ring_driver) {
		.free_descs = t->config->num,
		.avail_wrap = true,
		.used_wrap = true,
		.batch = -1,
	};
	for (i = 0; i < t->config->num; i++)
		ring_list_add(&d->free, i);
	WRITE_ONCE(t->core->status, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		   VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	ring_test_interrupts(t);
}

/**
 * ring_test_setup() - the driver writes 1 to QueueReady
 * @t: test
 *
 * Return: whether the queue is ready
 */
bool ring_test_setup(struct ring_test *t)
{
	bool ready;

	spin_lock_irq(&t->vdev.lock);
	ready = bao_vring_setup(t->vq);
	t->vq->ready = ready;
	spin_unlock_irq(&t->vdev.lock);

	return ready;
}

/**
 * ring_test_start() - make a device and its driver, with a queue that is ready
 * @test: test, which frees it
 * @config: kind of ring; indirect descriptors are allowed
 *
 * Return: it
 */
struct ring_test *ring_test_start(struct kunit *test, const struct ring_config *config)
{
	struct ring_test *t;

	t = ring_test_create(test, config, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	KUNIT_ASSERT_TRUE(test, ring_test_setup(t));

	return t;
}

static bool step(const struct ring_test *t, u16 *pos)
{
	*pos += 1;
	if (*pos < t->config->num)
		return false;
	*pos = 0;

	return true;
}

static void write_desc(struct vring_desc *desc, const struct ring_seg *seg, u16 flags, u16 next)
{
	if (seg->write)
		flags |= VRING_DESC_F_WRITE;
	desc->addr = ring_v64(seg->addr);
	desc->len = ring_v32(seg->len);
	desc->flags = ring_v16(flags);
	desc->next = ring_v16(next);
}

static struct ring_seg split_table(struct ring_test *t, u16 head, const struct ring_seg *segs,
				   unsigned int nr)
{
	struct vring_desc *table = ring_table(t, head);
	unsigned int i;

	for (i = 0; i < nr; i++)
		write_desc(&table[i], &segs[i], i + 1 < nr ? VRING_DESC_F_NEXT : 0, i + 1);

	return (struct ring_seg) { ring_table_addr(head), nr * sizeof(*table), false };
}

static u16 split_add(struct ring_test *t, const struct ring_seg *segs, unsigned int nr,
		     bool indirect)
{
	struct vring_avail *avail = ring_avail(t);
	struct ring_driver *d = &t->driver;
	u16 head = d->free.entry[d->free.first % RING_MAX_NUM];
	struct ring_seg table;
	unsigned int i;

	if (indirect) {
		table = split_table(t, head, segs, nr);
		write_desc(&ring_desc(t)[ring_list_take(&d->free)], &table, VRING_DESC_F_INDIRECT,
			   0);
	}
	for (i = 0; !indirect && i < nr; i++) {
		u16 pos = ring_list_take(&d->free);
		u16 next = d->free.entry[d->free.first % RING_MAX_NUM];

		write_desc(&ring_desc(t)[pos], &segs[i], i + 1 < nr ? VRING_DESC_F_NEXT : 0, next);
	}
	avail->ring[d->avail++ % t->config->num] = ring_v16(head);
	/* What the index stands for is there before it */
	virt_wmb();
	WRITE_ONCE(avail->idx, ring_v16(d->avail));
	d->added++;

	return head;
}

static struct ring_seg packed_table(struct ring_test *t, u16 id, const struct ring_seg *segs,
				    unsigned int nr)
{
	struct vring_packed_desc *table = ring_table(t, id);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		table[i].addr = cpu_to_le64(segs[i].addr);
		table[i].len = cpu_to_le32(segs[i].len);
		table[i].flags = cpu_to_le16(segs[i].write ? VRING_DESC_F_WRITE : 0);
	}

	return (struct ring_seg) { ring_table_addr(id), nr * sizeof(*table), false };
}

static u16 packed_add(struct ring_test *t, const struct ring_seg *segs, unsigned int nr,
		      bool indirect)
{
	struct vring_packed_desc *first = &ring_packed_desc(t)[t->driver.avail];
	struct ring_driver *d = &t->driver;
	u16 id = ring_list_take(&d->free);
	struct ring_seg table;
	u16 first_flags = 0;
	unsigned int i;

	if (indirect) {
		table = packed_table(t, id, segs, nr);
		segs = &table;
		nr = 1;
	}
	for (i = 0; i < nr; i++) {
		struct vring_packed_desc *desc = &ring_packed_desc(t)[d->avail];
		u16 flags = d->avail_wrap ? PACKED_AVAIL : PACKED_USED;

		flags |= segs[i].write ? VRING_DESC_F_WRITE : 0;
		flags |= i + 1 < nr ? VRING_DESC_F_NEXT : 0;
		flags |= indirect ? VRING_DESC_F_INDIRECT : 0;
		desc->addr = cpu_to_le64(segs[i].addr);
		desc->len = cpu_to_le32(segs[i].len);
		/* Only the last one counts */
		desc->id = cpu_to_le16(i + 1 < nr ? U16_MAX : id);
		if (i)
			desc->flags = cpu_to_le16(flags);
		else
			first_flags = flags;
		if (step(t, &d->avail))
			d->avail_wrap = !d->avail_wrap;
	}
	/* The device sees the rest only by the first one, and then all of it */
	virt_wmb();
	WRITE_ONCE(first->flags, cpu_to_le16(first_flags));
	d->added += nr;

	return id;
}

/**
 * ring_test_add() - make a chain available
 * @t: test
 * @segs: segments
 * @nr: how many, RING_MAX_SEGS at most
 * @indirect: in a table
 *
 * Return: id; -ENOSPC if there is no place
 */
int ring_test_add(struct ring_test *t, const struct ring_seg *segs, unsigned int nr,
		  bool indirect)
{
	unsigned int descs = indirect ? 1 : nr, i;
	struct ring_driver *d = &t->driver;
	struct ring_chain *chain;
	u16 id;

	if (d->free_descs < descs)
		return -ENOSPC;
	d->free_descs -= descs;
	id = t->config->packed ? packed_add(t, segs, nr, indirect) :
				 split_add(t, segs, nr, indirect);
	ring_list_add(&d->order, id);
	chain = &d->chain[id];
	*chain = (struct ring_chain) { .added = true, .descs = descs };
	for (i = 0; i < nr; i++)
		if (segs[i].write)
			chain->in_len += segs[i].len;

	return id;
}

/* Is it between @old and @new? @wrap says whether the event is of the same round as @new. */
static bool packed_event(const struct ring_test *t, u16 off_wrap, u16 new, u16 nr, bool wrap)
{
	int event = off_wrap & ~PACKED_WRAP;

	if (!!(off_wrap & PACKED_WRAP) != wrap)
		event -= t->config->num;

	return event >= new - nr && event < new;
}

/**
 * ring_test_must_kick() - does the device want a kick for what has been added?
 * @t: test
 *
 * Return: whether it does
 */
bool ring_test_must_kick(struct ring_test *t)
{
	struct vring_packed_desc_event *event = ring_event(t, RING_DEVICE);
	const struct ring_config *config = t->config;
	struct vring_used *used = ring_used(t);
	struct ring_driver *d = &t->driver;
	u16 added = d->added, flags;

	d->added = 0;
	/* The device asks, then looks; we make available, then see whether it asks */
	virt_mb();
	if (!config->packed) {
		__virtio16 *avail_event = (__virtio16 *)&used->ring[config->num];
		u16 at = ring_cpu16(READ_ONCE(*avail_event));

		if (!config->event_idx)
			return !ring_cpu16(READ_ONCE(used->flags));
		return (u16)(d->avail - at - 1) < added;
	}

	flags = le16_to_cpu(READ_ONCE(event->flags));
	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	/* The position is not older than the flags */
	virt_rmb();

	return packed_event(t, le16_to_cpu(READ_ONCE(event->off_wrap)), d->avail, added,
			    d->avail_wrap);
}

static bool split_more_used(struct ring_test *t)
{
	return ring_cpu16(READ_ONCE(ring_used(t)->idx)) != t->driver.used;
}

static bool packed_more_used(struct ring_test *t)
{
	u16 flags = le16_to_cpu(READ_ONCE(ring_packed_desc(t)[t->driver.used].flags));
	bool avail = flags & PACKED_AVAIL, used = flags & PACKED_USED;

	return avail == used && used == t->driver.used_wrap;
}

static bool more_used(struct ring_test *t)
{
	return t->config->packed ? packed_more_used(t) : split_more_used(t);
}

static int read_used(struct ring_test *t, u32 *len)
{
	struct vring_packed_desc *desc = &ring_packed_desc(t)[t->driver.used];
	struct vring_used_elem *elem;

	/* What has been used is read after it was seen to be there */
	virt_rmb();
	if (t->config->packed) {
		/* The length counts only if something has been written */
		*len = le16_to_cpu(desc->flags) & VRING_DESC_F_WRITE ? le32_to_cpu(desc->len) : 0;
		return le16_to_cpu(desc->id);
	}
	elem = &ring_used(t)->ring[t->driver.used % t->config->num];
	*len = ring_cpu32(elem->len);

	return ring_cpu32(elem->id);
}

/* Descriptors of a chain are free again */
static void release(struct ring_test *t, u16 id)
{
	struct ring_driver *d = &t->driver;
	struct ring_chain *chain = &d->chain[id];
	struct vring_desc *desc = ring_desc(t);
	unsigned int i;
	u16 pos = id;

	chain->added = false;
	d->free_descs += chain->descs;
	if (t->config->packed) {
		ring_list_add(&d->free, id);
		for (i = 0; i < chain->descs; i++)
			if (step(t, &d->used))
				d->used_wrap = !d->used_wrap;
		return;
	}
	d->used++;
	for (i = 0; i < chain->descs; i++) {
		ring_list_add(&d->free, pos);
		pos = ring_cpu16(desc[pos].next);
	}
}

/**
 * ring_test_get() - take a chain that the device has used
 * @t: test
 * @len: bytes that it has written
 *
 * Return: id; -EAGAIN if there is none; -EPROTO if the device has not got a chain of this id
 */
int ring_test_get(struct ring_test *t, u32 *len)
{
	struct ring_driver *d = &t->driver;
	int id;

	if (d->batch < 0) {
		if (!more_used(t))
			return -EAGAIN;
		id = read_used(t, len);
		if (id < 0 || id >= t->config->num || !d->chain[id].added)
			return -EPROTO;
		d->batch = id;
		d->batch_len = *len;
	}

	id = t->config->in_order ? ring_list_take(&d->order) : d->batch;
	if (id == d->batch) {
		*len = d->batch_len;
		d->batch = -1;
	} else {
		*len = d->chain[id].in_len;
	}
	release(t, id);

	return id;
}

/**
 * ring_test_no_interrupts() - ask for no interrupts
 * @t: test
 *
 * In a split ring with events there is no way to, but an event is over when it has occurred.
 */
void ring_test_no_interrupts(struct ring_test *t)
{
	if (t->config->packed)
		WRITE_ONCE(ring_event(t, RING_DRIVER)->flags,
			   cpu_to_le16(VRING_PACKED_EVENT_FLAG_DISABLE));
	else if (!t->config->event_idx)
		WRITE_ONCE(ring_avail(t)->flags, ring_v16(VRING_AVAIL_F_NO_INTERRUPT));
}

/**
 * ring_test_want_interrupt() - ask for an interrupt
 * @t: test
 * @delay: with events: after more than that many have been used, counted from the first one that
 *	   ring_test_get() has not returned: chains, or descriptors if packed; less than the size
 *
 * Return: whether there is something already
 */
bool ring_test_want_interrupt(struct ring_test *t, u16 delay)
{
	struct vring_packed_desc_event *event = ring_event(t, RING_DRIVER);
	u16 num = t->config->num, off = t->driver.used + delay;
	bool wrap = t->driver.used_wrap;
	struct vring_avail *avail = ring_avail(t);

	if (!t->config->packed && t->config->event_idx) {
		WRITE_ONCE(avail->ring[num], ring_v16(off));
	} else if (!t->config->packed) {
		WRITE_ONCE(avail->flags, 0);
	} else if (t->config->event_idx) {
		if (off >= num) {
			off -= num;
			wrap = !wrap;
		}
		WRITE_ONCE(event->off_wrap, cpu_to_le16(off | (wrap ? PACKED_WRAP : 0)));
		/* The position is not newer than the flags */
		virt_wmb();
		WRITE_ONCE(event->flags, cpu_to_le16(VRING_PACKED_EVENT_FLAG_DESC));
	} else {
		WRITE_ONCE(event->flags, cpu_to_le16(VRING_PACKED_EVENT_FLAG_ENABLE));
	}
	/* We ask, then look; the device publishes, then sees whether we ask */
	virt_mb();

	return more_used(t);
}

/**
 * ring_test_interrupts() - how many interrupts have there been?
 * @t: test
 *
 * They are acknowledged: only then can there be another one.
 *
 * Return: number since the last time
 */
unsigned int ring_test_interrupts(struct ring_test *t)
{
	unsigned int interrupts = t->interrupts;

	t->interrupts = 0;
	atomic_set(&t->core->interrupts, 0);

	return interrupts;
}

/**
 * ring_test_expect_segs() - expect a chain to be what the driver has added
 * @test: test, of the chain's &struct ring_test
 * @chain: popped
 * @segs: added; those without bytes are not part of the chain
 * @nr: how many
 */
void ring_test_expect_segs(struct kunit *test, const struct bao_vchain *chain,
			   const struct ring_seg *segs, unsigned int nr)
{
	struct ring_test *t = test->priv;
	unsigned int i, n = 0, out = 0;
	u32 out_len = 0, in_len = 0;

	for (i = 0; i < nr; i++) {
		if (!segs[i].len)
			continue;
		KUNIT_ASSERT_LT(test, n, (unsigned int)(chain->out + chain->in));
		KUNIT_EXPECT_PTR_EQ(test, (u8 *)chain->iov[n].iov_base,
				    t->window + (segs[i].addr - RING_BASE));
		KUNIT_EXPECT_EQ(test, chain->iov[n].iov_len, segs[i].len);
		n++;
		if (segs[i].write) {
			in_len += segs[i].len;
		} else {
			out_len += segs[i].len;
			out++;
		}
	}
	KUNIT_EXPECT_EQ(test, chain->out, out);
	KUNIT_EXPECT_EQ(test, chain->in, n - out);
	KUNIT_EXPECT_EQ(test, chain->out_len, out_len);
	KUNIT_EXPECT_EQ(test, chain->in_len, in_len);
}
