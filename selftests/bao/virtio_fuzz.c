// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that does anything at all, by seed: registers, rings that make no sense or change while
 * they are read, requests that are fine, and all of it mixed. After each burst, a reset must bring
 * back a disk that works, and what is outside the window must be as it was.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "prng.h"
#include "virtio_disk.h"

#define DM		0
#define QUEUES		2
#define SIZE		64
#define DISK_SIZE	(1 << 20)

#define BURSTS		100
#define PROGRESS	1000
#define BURST_OPS	40
#define SLOTS		32
#define DATA		65536

/* Operations that are told when something goes wrong */
#define TRACE		64
#define LINE		96

/* The frontend's other processors, which do not wait for anything */
#define OTHER_VCPUS	3

/**
 * struct vfuzz - a run
 * @prng: where the choices come from
 * @d: the disk
 * @io: requests
 * @data: their data
 * @table: for indirect descriptors
 * @neighbour: window of another device
 * @burst: number of the burst
 * @trace: what was done, a ring
 * @traced: how often
 * @scribbling: another thread writes into the rings
 * @down: the disk is not live
 */
struct vfuzz {
	struct prng prng;
	struct disk d;
	struct disk_io *io;
	char *data;
	void *table;
	struct window *neighbour;
	unsigned int burst;
	char trace[TRACE][LINE];
	unsigned int traced;
	bool scribbling;
	bool down;
};

__attribute__((format(printf, 2, 3)))
static void say(struct vfuzz *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->trace[f->traced++ % TRACE], LINE, format, args);
	va_end(args);
}

static __u32 below(struct vfuzz *f, __u32 limit)
{
	return prng_below(&f->prng, limit);
}

static bool one_in(struct vfuzz *f, __u32 times)
{
	return prng_one_in(&f->prng, times);
}

static struct vqueue *some_queue(struct vfuzz *f)
{
	return &f->d.v.queue[below(f, QUEUES)];
}

/* What is interesting */

static __u64 some_addr(struct vfuzz *f)
{
	const struct window *w = f->d.v.window;
	const struct vqueue *q = some_queue(f);

	switch (below(f, 10)) {
	case 0:
		return prng_next(&f->prng);
	case 1:
		return w->addr + w->size - below(f, 64);
	case 2:
		return w->addr - below(f, 64);
	case 3:
		return -(__u64)below(f, 64);
	case 4:
		return below(f, 3) ? window_addr(w, f->table) : 0;
	case 5:
		/* The ring itself */
		return q->room ? window_addr(w, one_in(f, 2) ? q->desc : q->device) : w->addr;
	case 6:
		return window_addr(w, &f->io[below(f, SLOTS)]);
	default:
		return window_addr(w, f->data) + below(f, DATA);
	}
}

static __u32 some_len(struct vfuzz *f)
{
	static const __u32 len[] = {
		0, 1, 15, 16, 17, 32, 511, 512, 513, 4096, DATA, 1 << 20, 0x7fffffff, 0x80000000,
		0xfffffff0, 0xffffffff,
	};

	return one_in(f, 4) ? prng_next(&f->prng) : len[below(f, ARRAY_SIZE(len))];
}

static __u32 some_value(struct vfuzz *f)
{
	switch (below(f, 6)) {
	case 0:
		return prng_next(&f->prng);
	case 1:
		return 1u << below(f, 32);
	case 2:
		return -below(f, 3);
	case 3:
		return some_addr(f);
	default:
		return below(f, 2 * SIZE);
	}
}

/* Registers */

static void op_read(struct vfuzz *f)
{
	__u32 offset = below(f, VIRTIO_SIZE), width = 1 << below(f, 4);

	if (!one_in(f, 4)) {
		offset &= ~3;
		width = 4;
	}
	say(f, "read %u bytes at %#x", width, offset);
	virtio_read_as(&f->d.v, offset, width);
}

static void op_write(struct vfuzz *f)
{
	static const __u32 reg[] = {
		VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DRIVER_FEATURES,
		VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_NUM,
		VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_INTERRUPT_ACK,
		VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
		VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
		VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH, VIRTIO_MMIO_QUEUE_RESET,
	};
	__u32 offset = below(f, VIRTIO_SIZE), width = 1 << below(f, 4), value = some_value(f);

	if (!one_in(f, 4)) {
		offset = reg[below(f, ARRAY_SIZE(reg))];
		width = 4;
	}
	say(f, "write %#x, %u bytes at %#x", value, width, offset);
	virtio_write_as(&f->d.v, offset, width, value);
}

static void op_other_vcpu(struct vfuzz *f)
{
	static const __u32 reg[] = {
		VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_QUEUE_READY,
		VIRTIO_MMIO_QUEUE_RESET, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_QUEUE_SEL,
		VIRTIO_MMIO_CONFIG,
	};
	__u32 offset = reg[below(f, ARRAY_SIZE(reg))], count = 1 + below(f, 20);
	struct access access = read_of(f->d.v.addr + offset, 4);
	unsigned int vcpu = 1 + below(f, OTHER_VCPUS);

	if (one_in(f, 2))
		access = write_of(f->d.v.addr + offset, 4, below(f, 16));
	say(f, "vCPU %u: %u times %s of %#llx at %#x", vcpu, count,
	    access.op == BAO_IO_READ ? "read" : "write", access.value, offset);
	frontend_start(DM, vcpu, access, count);
}

/* The way up, with all that a driver may choose */
static void op_start(struct vfuzz *f)
{
	__u64 features = prng_next(&f->prng) & virtio_offered(&f->d.v);
	unsigned int i, size = 1 << below(f, 7);
	int ret;

	features &= ~(1ull << below(f, 64));
	if (features & FEATURE(VIRTIO_F_RING_PACKED) && one_in(f, 2))
		size = 1 + below(f, SIZE);
	ret = virtio_negotiate(&f->d.v, features);
	say(f, "start with %#llx, %u entries: %d", features, size, ret);
	for (i = 0; !ret && i < QUEUES; i++)
		ret = vq_setup(&f->d.v, i, size);
	if (!ret)
		virtio_driver_ok(&f->d.v);
}

static void op_queue_reset(struct vfuzz *f)
{
	struct vqueue *q = some_queue(f);

	if (!q->format)
		return;
	say(f, "reset queue %u", q->index);
	virtio_write(q->v, VIRTIO_MMIO_QUEUE_SEL, q->index);
	virtio_write(q->v, VIRTIO_MMIO_QUEUE_RESET, 1);
	if (one_in(f, 2))
		vq_setup(q->v, q->index, 1 << below(f, 7));
}

static void op_notify(struct vfuzz *f)
{
	unsigned int queue = one_in(f, 10) ? some_value(f) : below(f, QUEUES);

	say(f, "notify %u", queue);
	virtio_notify(&f->d.v, queue);
}

static void op_acknowledge(struct vfuzz *f)
{
	say(f, "acknowledge");
	virtio_write(&f->d.v, VIRTIO_MMIO_INTERRUPT_ACK,
		     virtio_read(&f->d.v, VIRTIO_MMIO_INTERRUPT_STATUS));
}

/* Requests */

static __u32 some_type(struct vfuzz *f)
{
	static const __u32 type[] = {
		VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID,
		VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
	};

	return one_in(f, 10) ? some_value(f) : type[below(f, ARRAY_SIZE(type))];
}

static void op_request(struct vfuzz *f)
{
	struct vsegment segments[MAX_SEGMENTS];
	struct vqueue *q = some_queue(f);
	unsigned int i, n = below(f, 5);
	__u32 type = some_type(f);
	__u64 sector = below(f, 2 * DISK_SIZE / SECTOR);

	if (!q->format)
		return;
	for (i = 0; i < n; i++) {
		segments[i].data = f->data + below(f, DATA / 2);
		segments[i].len = one_in(f, 4) ? below(f, DATA / 2) : SECTOR * below(f, 16);
	}
	say(f, "request of type %u at %llu, %u segments, in queue %u", type, sector, n, q->index);
	disk_add(q, &f->io[below(f, SLOTS)], type, sector, segments, n);
	if (!one_in(f, 4))
		vq_submit(q);
}

static void op_collect(struct vfuzz *f)
{
	struct vqueue *q = some_queue(f);
	unsigned int n = 0;

	if (!q->format)
		return;
	while (n < SIZE && vq_collect(q, NULL) >= 0)
		n++;
	say(f, "collect from queue %u: %u", q->index, n);
	if (one_in(f, 2))
		vq_want_interrupt(q, below(f, SIZE));
}

/* Rings that make no sense */

static struct vdesc some_desc(struct vfuzz *f)
{
	return (struct vdesc) {
		.addr = some_addr(f),
		.len = some_len(f),
		/* The three that there are, and now and then others */
		.flags = one_in(f, 10) ? prng_next(&f->prng) : below(f, 8),
		.next = one_in(f, 4) ? prng_next(&f->prng) : below(f, SIZE),
	};
}

/* It looks like a request, up to a point */
static unsigned int some_chain(struct vfuzz *f, struct vdesc *desc)
{
	const struct window *w = f->d.v.window;
	struct disk_io *io = &f->io[below(f, SLOTS)];
	unsigned int i, n = 2 + below(f, 6);

	io->hdr.type = htole32(some_type(f));
	io->hdr.sector = htole64(below(f, 2 * DISK_SIZE / SECTOR));
	for (i = 0; i < n; i++) {
		desc[i] = (struct vdesc) {
			.addr = window_addr(w, f->data) + below(f, DATA / 2),
			.len = SECTOR * below(f, 8),
			.flags = i < n / 2 ? 0 : VRING_DESC_F_WRITE,
			.next = i + 1,
		};
		if (i + 1 < n)
			desc[i].flags |= VRING_DESC_F_NEXT;
	}
	desc[0].addr = window_addr(w, io);
	desc[0].len = sizeof(io->hdr);
	desc[n - 1].addr = window_addr(w, &io->status);
	desc[n - 1].len = 1;
	if (one_in(f, 2))
		desc[below(f, n)] = some_desc(f);
	return n;
}

static void op_offer(struct vfuzz *f)
{
	struct vqueue *q = some_queue(f);
	struct vdesc desc[8];
	unsigned int n;

	if (!q->format)
		return;
	n = some_chain(f, desc);
	if (one_in(f, 3)) {
		vq_write_table(q, f->table, desc, n);
		desc[0] = (struct vdesc) {
			.addr = window_addr(f->d.v.window, f->table),
			.len = 16 * n,
			.flags = VRING_DESC_F_INDIRECT,
			.next = below(f, SIZE),
		};
		n = 1;
	}
	if (n > q->size)
		return;
	say(f, "offer %u descriptors in queue %u, the first one %#llx, %#x, %#x, %#x", n, q->index,
	    desc[0].addr, desc[0].len, desc[0].flags, desc[0].next);
	vq_offer(q, desc, n);
}

static void op_desc(struct vfuzz *f)
{
	struct vqueue *q = some_queue(f);
	struct vdesc desc = some_desc(f);
	unsigned int index;

	if (!q->format)
		return;
	index = below(f, q->size);
	say(f, "queue %u: descriptor %u is %#llx, %#x, %#x, %#x", q->index, index, desc.addr,
	    desc.len, desc.flags, desc.next);
	vq_write_desc(q, index, desc);
}

static void op_table(struct vfuzz *f)
{
	struct vqueue *q = some_queue(f);
	struct vdesc desc[8];
	unsigned int i;

	if (!q->format)
		return;
	for (i = 0; i < ARRAY_SIZE(desc); i++)
		desc[i] = some_desc(f);
	say(f, "an indirect table");
	vq_write_table(q, f->table, desc, ARRAY_SIZE(desc));
}

/* Of a split ring */
static void op_avail(struct vfuzz *f)
{
	struct vqueue *q = some_queue(f);
	unsigned int bump = one_in(f, 4) ? some_value(f) : below(f, 4);

	if (q->format != &vq_split)
		return;
	PUT16(q->avail_ring->ring[below(f, q->size)], below(f, 2) ? some_value(f) : 0);
	q->avail += bump;
	say(f, "queue %u: %u more are available", q->index, bump);
	vq_publish(q);
	virtio_notify(q->v, q->index);
}

static void *some_area(struct vfuzz *f, struct vqueue *q, size_t *size)
{
	switch (below(f, 3)) {
	case 0:
		*size = 16 * q->size;
		return q->desc;
	case 1:
		*size = q->format->driver_size(q->size);
		return q->driver;
	default:
		*size = q->format->device_size(q->size);
		return q->device;
	}
}

static void op_flip(struct vfuzz *f)
{
	struct vqueue *q = some_queue(f);
	unsigned int i, n = 1 + below(f, 8);
	size_t size;
	__u8 *area;

	if (!q->format)
		return;
	area = some_area(f, q, &size);
	say(f, "queue %u: %u bits change", q->index, n);
	for (i = 0; i < n; i++)
		area[below(f, size)] ^= 1 << below(f, 8);
	virtio_notify(q->v, q->index);
}

static void run_one(struct vfuzz *f);

/* For some operations: the driver goes on as if nothing had happened */
static void op_go_down(struct vfuzz *f)
{
	unsigned int n = 1 + below(f, 20);

	if (f->down)
		return;
	say(f, "down");
	virtio_set_live(&f->d.v, false);
	f->down = true;
	while (n--)
		run_one(f);
	f->down = false;
	say(f, "up");
	disk_go_live(&f->d);
}

static const struct {
	void (*run)(struct vfuzz *f);
	unsigned int weight;
} ops[] = {
	{ op_read,		20 },
	{ op_write,		40 },
	{ op_other_vcpu,	20 },
	{ op_start,		15 },
	{ op_queue_reset,	10 },
	{ op_notify,		20 },
	{ op_acknowledge,	20 },
	{ op_request,		100 },
	{ op_collect,		40 },
	{ op_offer,		60 },
	{ op_desc,		30 },
	{ op_table,		10 },
	{ op_avail,		20 },
	{ op_flip,		20 },
	{ op_go_down,		1 },
};

static void run_one(struct vfuzz *f)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		sum += ops[i].weight;
	at = below(f, sum);
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	ops[i].run(f);
}

/* A driver's other thread, which changes rings while the device reads them */
static void *scribble(void *arg)
{
	struct vfuzz *f = arg;
	/* Not the choices of the other thread */
	struct prng prng = { .state = f->burst };

	while (__atomic_load_n(&f->scribbling, __ATOMIC_RELAXED)) {
		struct vqueue *q = &f->d.v.queue[prng_below(&prng, QUEUES)];

		if (!q->room)
			continue;
		/* Each side of a check */
		((__u8 *)q->desc)[prng_below(&prng, 16 * q->room)] ^= 1 << prng_below(&prng, 8);
		((__u8 *)f->table)[prng_below(&prng, 128)] ^= 1 << prng_below(&prng, 8);
		if (prng_one_in(&prng, 16))
			usleep(1);
	}
	return NULL;
}

static bool vcpus_are_done(void)
{
	unsigned int i;

	for (i = 1; i <= OTHER_VCPUS; i++) {
		if (frontend_parked(DM, i))
			return false;
	}
	return true;
}

#define CANARY 0x6c

/* Each byte is like the one after it: a byte for byte loop would take most of the time of a run */
static bool canary_lives(const struct window *w)
{
	return w->map[0] == CANARY && !memcmp(w->map, w->map + 1, w->size - 1);
}

/* NULL, or what is wrong */
static const char *check(struct vfuzz *f)
{
	struct counters c;
	__u64 features;
	const char *why;

	if (!wait_until(vcpus_are_done()))
		return "an access is not answered";
	/* Not before: the others change what is selected */
	features = prng_next(&f->prng) & virtio_offered(&f->d.v);
	why = disk_works(&f->d, features);
	if (why)
		return why;
	if (!canary_lives(f->neighbour))
		return "memory of another frontend has changed";
	frontend_counters(DM, &c);
	if (c.accesses != c.completes || c.violations || c.bad_calls)
		return "the hypervisor has been told nonsense";
	return NULL;
}

static const char *run_burst(struct vfuzz *f)
{
	unsigned int i, n = 1 + below(f, BURST_OPS);
	pthread_t thread;
	bool scribbles;

	f->scribbling = one_in(f, 4);
	scribbles = f->scribbling && !pthread_create(&thread, NULL, scribble, f);
	say(f, "burst %u%s", f->burst, scribbles ? ", and somebody scribbles" : "");
	if (!one_in(f, 8))
		op_start(f);
	for (i = 0; i < n; i++)
		run_one(f);
	__atomic_store_n(&f->scribbling, false, __ATOMIC_RELAXED);
	if (scribbles)
		pthread_join(thread, NULL);
	return check(f);
}

static void tell(struct vfuzz *f, __u64 seed, const char *why)
{
	unsigned int i;

	printf("# the last operations:\n");
	for (i = f->traced < TRACE ? 0 : f->traced - TRACE; i < f->traced; i++)
		printf("# %u: %s\n", i, f->trace[i % TRACE]);
	printf("# burst %u: %s\n", f->burst, why);
	printf("# again: BAO_SEED=%llu BAO_ROUNDS=%u ./virtio_fuzz\n", seed, f->burst + 1);
	fflush(stdout);
}

static unsigned int nr_bursts(void)
{
	const char *wish = getenv("BAO_ROUNDS");

	if (prng_seed_is_given() && wish && *wish)
		return strtoul(wish, NULL, 0);
	return rounds(BURSTS);
}

FIXTURE(virtio_fuzz) {
	struct vfuzz *fuzz;
};

FIXTURE_SETUP(virtio_fuzz)
{
	struct window *w;
	struct vfuzz *f;

	VIRTIO_OR_SKIP("blk");
	f = calloc(1, sizeof(*f));
	ASSERT_TRUE(!!f);
	self->fuzz = f;
	ASSERT_EQ(0, disk_make(&f->d, DM, "fuzz", DISK_SIZE));
	ASSERT_EQ(0, virtio_set(&f->d.v, "queues", "%u", QUEUES));
	ASSERT_EQ(0, virtio_set(&f->d.v, "queue_size", "%u", SIZE));
	ASSERT_EQ(0, virtio_set_live(&f->d.v, true));
	w = f->d.v.window;
	f->io = window_alloc(w, SLOTS * sizeof(*f->io), 16);
	f->data = window_alloc(w, DATA, 16);
	f->table = window_alloc(w, 4096, 16);
	ASSERT_TRUE(f->io && f->data && f->table);
	/* Once for all: there is room for the largest ones */
	ASSERT_EQ(0, virtio_start(&f->d.v, FEATURE(VIRTIO_RING_F_INDIRECT_DESC), QUEUES, SIZE));
	f->neighbour = window_of(DM + 1);
	ASSERT_TRUE(!!f->neighbour);
	memset(f->neighbour->map, CANARY, f->neighbour->size);
}

FIXTURE_TEARDOWN(virtio_fuzz)
{
	disk_remove(&self->fuzz->d);
	VIRTIO_TEAR_DOWN();
}

TEST_F_TIMEOUT(virtio_fuzz, everything, LONG_TEST_S)
{
	unsigned int total = nr_bursts();
	struct vfuzz *f = self->fuzz;
	__u64 seed = prng_seed();
	const char *why = NULL;

	printf("# BAO_SEED=%llu, %u bursts\n", seed, total);
	fflush(stdout);
	f->prng.state = seed;
	/* With some seeds, the device looks at rings that it has not been kicked for */
	ASSERT_EQ(0, virtio_set(&f->d.v, "poll_us", "%u", (unsigned int)(seed % 3) * 100));
	for (f->burst = 0; !why && f->burst < total; f->burst++) {
		why = run_burst(f);
		/* Long runs take hours */
		if (f->burst % PROGRESS == PROGRESS - 1) {
			printf("# %u bursts\n", f->burst + 1);
			fflush(stdout);
		}
	}
	if (!why)
		return;
	f->burst--;
	tell(f, seed, why);
	EXPECT_TRUE(!why);
}

TEST_HARNESS_MAIN
