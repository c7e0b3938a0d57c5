// SPDX-License-Identifier: GPL-2.0
/* System calls of processes, with arguments that are right, nearly right, and anything else */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "fuzz.h"

/* Where there is nothing, or not enough */
static void *bad_pointer(struct fuzz *f)
{
	void * const bad[] = {
		NULL, f->bad + 2 * getpagesize(), f->bad + 2 * getpagesize() - 4,
		(void *)~0ul, (void *)LONG_MIN,
	};

	return FUZZ_PICK(f, bad);
}

/* Or where nothing can be written */
static void *bad_destination(struct fuzz *f)
{
	return prng_one_in(&f->prng, 3) ? f->bad : bad_pointer(f);
}

static bool seldom(struct fuzz *f)
{
	return prng_one_in(&f->prng, 16);
}

/* Handles */

static struct fuzz_handle *free_handle(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < FUZZ_HANDLES; i++) {
		if (f->handle[i].kind == FUZZ_NONE)
			return &f->handle[i];
	}
	call_close(f);
	return free_handle(f);
}

static struct fuzz_handle *find_handle(struct fuzz *f, enum fuzz_kind kind)
{
	unsigned int i, start = prng_below(&f->prng, FUZZ_HANDLES);

	for (i = 0; i < FUZZ_HANDLES; i++) {
		struct fuzz_handle *h = &f->handle[(start + i) % FUZZ_HANDLES];

		if (h->kind == kind || (kind == FUZZ_NR_KINDS && h->kind != FUZZ_NONE))
			return h;
	}
	return NULL;
}

/* One of this kind, but now and then another one, or none */
static struct fuzz_handle pick_handle(struct fuzz *f, enum fuzz_kind kind)
{
	static const int closed[] = { -1, 900, 1000000, INT_MAX };
	struct fuzz_handle none = { .kind = FUZZ_NONE };
	struct fuzz_handle *h = NULL;

	none.fd = FUZZ_PICK(f, closed);
	if (!seldom(f))
		h = find_handle(f, kind);
	else if (prng_one_in(&f->prng, 2))
		h = find_handle(f, FUZZ_NR_KINDS);
	return h ? *h : none;
}

/* Errors of an ioctl that only one kind of descriptors has */
static __u64 kind_errors(const struct fuzz_handle *h, enum fuzz_kind kind)
{
	__u64 errors = 0;

	if (h->kind == FUZZ_NONE)
		return ERROR(EBADF);
	if (h->kind != kind)
		errors |= ERROR(ENOTTY);
	if (h->kind == FUZZ_DM && model_file_dead(h->file))
		errors |= ERROR(ENODEV);
	return errors;
}

static __u64 eventfd_errors(const struct fuzz_handle *h)
{
	if (h->kind == FUZZ_NONE)
		return ERROR(EBADF);
	return h->kind == FUZZ_EVENT ? 0 : ERROR(EINVAL);
}

/* Descriptors */

void call_open(struct fuzz *f)
{
	struct fuzz_handle *h = free_handle(f);

	fuzz_say(f, "open dispatcher");
	h->fd = open("/dev/bao-io-dispatcher", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	fuzz_expect(f, h->fd < 0 ? -errno : h->fd, 0);
	if (h->fd >= 0)
		h->kind = FUZZ_DISPATCHER;
}

static struct fuzz_device *device_of(struct fuzz *f, __u32 dm_id)
{
	return dm_id - FUZZ_FIRST_DM < FUZZ_DEVICES ? &f->dev[dm_id - FUZZ_FIRST_DM] : NULL;
}

static __u32 pick_dm_id(struct fuzz *f)
{
	static const __u32 nobodys[] = { 63, 64, 1000, INT_MAX, UINT_MAX };

	if (seldom(f))
		return FUZZ_PICK(f, nobodys);
	return FUZZ_FIRST_DM + prng_below(&f->prng, FUZZ_DEVICES);
}

static void new_file(struct fuzz *f, struct fuzz_device *dev, const struct bao_dm_info *info)
{
	struct fuzz_handle *h = free_handle(f);

	*h = (struct fuzz_handle) {
		.kind = FUZZ_DM,
		.fd = info->fd,
		.file = calloc(1, sizeof(*h->file)),
	};
	h->file->refs = 1;
	h->file->fds = 1;
	h->file->dev = dev;
	dev->file[dev->nr_files++] = h->file;
	fcntl(h->fd, F_SETFL, O_NONBLOCK);
	FUZZ_CHECK(f, info->id == dev->dm_id, "id %u", info->id);
	FUZZ_CHECK(f, info->shmem_size == FUZZ_WINDOW, "size %llx", info->shmem_size);
}

void call_get_info(struct fuzz *f)
{
	struct fuzz_device *dev;
	struct bao_dm_info info;
	struct fuzz_handle h;
	void *arg = &info;
	char padding[4];
	__u64 errors;
	long ret;

	/* For what comes; it may close something, so it is first */
	free_handle(f);
	h = pick_handle(f, FUZZ_DISPATCHER);
	errors = kind_errors(&h, FUZZ_DISPATCHER);
	memset(&info, 0xff, sizeof(info));
	info.id = pick_dm_id(f);
	dev = device_of(f, info.id);
	if (!dev || !dev->remio)
		errors |= ERROR(ENOENT);
	else if (dev->service == FUZZ_SHUT_DOWN)
		errors |= ERROR(ENODEV);
	else if (dev->nr_files == FUZZ_MAX_FILES)
		errors |= ERROR(EBUSY);
	if (seldom(f)) {
		arg = bad_destination(f);
		/* What id is read there, if any */
		errors |= ERROR(EFAULT) | ERROR(ENOENT) | ERROR(ENODEV) | ERROR(EBUSY);
	}
	fuzz_say(f, "GET_INFO fd %d id %u at %p", h.fd, info.id, arg);
	ret = do_ioctl(h.fd, BAO_IOCTL_DM_GET_INFO, arg);
	fuzz_expect(f, ret, errors);
	if (ret)
		return;
	memcpy(padding, (char *)&info + sizeof(info.id), sizeof(padding));
	FUZZ_CHECK(f, !memcmp(padding, "\0\0\0", sizeof(padding)), "padding is not 0");
	new_file(f, dev, &info);
}

void call_dup(struct fuzz *f)
{
	struct fuzz_handle *h = free_handle(f), *old = find_handle(f, FUZZ_NR_KINDS);

	if (!old)
		return;
	fuzz_say(f, "dup fd %d", old->fd);
	*h = *old;
	h->fd = dup(old->fd);
	if (h->fd < 0) {
		fuzz_fail(f, "dup: %d", errno);
		h->kind = FUZZ_NONE;
		return;
	}
	if (h->kind == FUZZ_DM) {
		h->file->fds++;
		h->file->refs++;
	}
	if (h->kind == FUZZ_EVENT) {
		h->event->fds++;
		h->event->refs++;
	}
}

static void close_handle(struct fuzz *f, struct fuzz_handle *h)
{
	struct fuzz_handle old = *h;

	fuzz_say(f, "close fd %d", h->fd);
	fuzz_expect(f, close(h->fd) ? -errno : 0, 0);
	if (old.kind == FUZZ_DM) {
		if (!--old.file->fds)
			model_close(old.file);
		model_file_put(f, old.file);
	}
	h->kind = FUZZ_NONE;
	if (old.kind != FUZZ_EVENT)
		return;
	/* ioeventfds may go on signalling it, but nobody hears of that any more */
	if (!--old.event->fds)
		old.event->nr_irqfds = 0;
	model_event_put(old.event);
}

void call_close(struct fuzz *f)
{
	struct fuzz_handle *h = find_handle(f, FUZZ_NR_KINDS);

	if (h)
		close_handle(f, h);
}

/* Requests */

/*
 * What the model has in the queue may still be on its way there, but it comes; what it has not
 * must never come.
 */
static long attach(struct fuzz_handle *h, struct fuzz_slot *head, void *arg)
{
	long ret;

	do {
		ret = do_ioctl(h->fd, BAO_IOCTL_IO_CLIENT_ATTACH, arg);
	} while (ret == -EAGAIN && head && wait_until(dm_waiting(h->fd)));
	return ret;
}

static bool is_known(struct fuzz_device *dev, __u64 id)
{
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		if (dev->slot[i].state == SLOT_OWNED && dev->slot[i].id == id)
			return true;
	}
	return false;
}

static void take(struct fuzz *f, struct fuzz_handle *h, struct fuzz_slot *slot,
		 const struct bao_virtio_request *req)
{
	struct fuzz_device *dev = h->file->dev;

	FUZZ_CHECK(f, req->dm_id == dev->dm_id, "dm_id %llu", req->dm_id);
	FUZZ_CHECK(f, req->addr == slot->addr, "addr %llx, not %llx", req->addr, slot->addr);
	FUZZ_CHECK(f, req->op == (slot->write ? BAO_IO_WRITE : BAO_IO_READ), "op %llu", req->op);
	FUZZ_CHECK(f, req->value == slot->value, "value %llx, not %llx", req->value, slot->value);
	FUZZ_CHECK(f, req->access_width == slot->width, "width %llu", req->access_width);
	FUZZ_CHECK(f, !is_known(dev, req->request_id), "id %llx twice", req->request_id);
	slot->state = SLOT_OWNED;
	slot->owner = h->file;
	slot->id = req->request_id;
}

static void attach_to(struct fuzz *f, struct fuzz_handle *h, void *bad)
{
	struct bao_virtio_request req;
	__u64 errors = kind_errors(h, FUZZ_DM);
	struct fuzz_slot *head = NULL;
	long ret;

	if (!errors) {
		head = model_head(h->file->dev);
		if (!head)
			errors |= ERROR(EAGAIN);
		else if (bad)
			errors |= ERROR(EFAULT);
	}
	memset(&req, prng_next(&f->prng), sizeof(req));
	fuzz_say(f, "ATTACH fd %d at %p", h->fd, bad ?: &req);
	ret = attach(h, head, bad ?: &req);
	fuzz_expect(f, ret, errors);
	if (!ret && head)
		take(f, h, head, &req);
}

void call_attach(struct fuzz *f)
{
	struct fuzz_handle h = pick_handle(f, FUZZ_DM);

	attach_to(f, &h, seldom(f) ? bad_destination(f) : NULL);
}

/* The id of some request of the device, or what looks like one */
static __u64 pick_id(struct fuzz *f, struct fuzz_device *dev, struct fuzz_file *file)
{
	unsigned int i, start = prng_below(&f->prng, FUZZ_IDS);
	bool own = !prng_one_in(&f->prng, 4);

	if (prng_one_in(&f->prng, 8))
		return dev->stale[prng_below(&f->prng, FUZZ_STALE)];
	if (seldom(f))
		return prng_next(&f->prng);
	for (i = 0; i < FUZZ_IDS; i++) {
		struct fuzz_slot *slot = &dev->slot[(start + i) % FUZZ_IDS];

		if (slot->state == SLOT_FREE || !slot->id)
			continue;
		if (own && (slot->state != SLOT_OWNED || slot->owner != file))
			continue;
		return slot->id ^ (seldom(f) ? 1ull << prng_below(&f->prng, 64) : 0);
	}
	return seldom(f) ? ~0ull : prng_below(&f->prng, 0x10000);
}

static struct fuzz_slot *find_owned(struct fuzz_file *file, __u64 id)
{
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		struct fuzz_slot *slot = &file->dev->slot[i];

		if (slot->state == SLOT_OWNED && slot->owner == file && slot->id == id)
			return slot;
	}
	return NULL;
}

static __u64 request_errors(const struct bao_virtio_request *req, const struct fuzz_file *file,
			    const struct fuzz_slot *slot)
{
	__u64 errors = 0;

	if (req->op > BAO_IO_READ || req->dm_id != file->dev->dm_id)
		errors |= ERROR(EINVAL);
	if (!slot)
		errors |= ERROR(ENOENT);
	else if (slot->write != (req->op == BAO_IO_WRITE))
		errors |= ERROR(EINVAL);
	return errors;
}

static void complete_on(struct fuzz *f, struct fuzz_handle *h, struct bao_virtio_request *req,
			void *bad)
{
	__u64 errors = kind_errors(h, FUZZ_DM);
	struct fuzz_slot *slot = NULL;
	long ret;

	if (bad)
		errors |= ERROR(EFAULT);
	if (h->kind == FUZZ_DM) {
		slot = find_owned(h->file, req->request_id);
		errors |= request_errors(req, h->file, slot);
	}
	fuzz_say(f, "COMPLETE fd %d id %llx op %llu value %llx%s", h->fd, req->request_id,
		 req->op, req->value, bad ? " at a bad address" : "");
	ret = do_ioctl(h->fd, BAO_IOCTL_IO_REQUEST_COMPLETE, bad ?: req);
	/* The hypervisor may refuse it */
	if (!errors && model_complete(h->file->dev, slot, req->value))
		errors = ERROR(EIO);
	fuzz_expect(f, ret, errors);
}

/* An answer to some request, mostly a good one */
static struct bao_virtio_request pick_answer(struct fuzz *f, const struct fuzz_handle *h)
{
	struct fuzz_device *dev = h->kind == FUZZ_DM ? h->file->dev : &f->dev[0];
	struct bao_virtio_request req = {
		.dm_id = seldom(f) ? pick_dm_id(f) : dev->dm_id,
		.addr = prng_next(&f->prng),
		.value = prng_next(&f->prng),
		.access_width = prng_next(&f->prng),
	};
	struct fuzz_slot *slot = NULL;

	req.request_id = pick_id(f, dev, h->kind == FUZZ_DM ? h->file : NULL);
	if (h->kind == FUZZ_DM)
		slot = find_owned(h->file, req.request_id);
	req.op = slot && slot->write ? BAO_IO_WRITE : BAO_IO_READ;
	if (seldom(f))
		req.op = seldom(f) ? prng_next(&f->prng) : prng_below(&f->prng, 5);
	return req;
}

void call_complete(struct fuzz *f)
{
	struct fuzz_handle h = pick_handle(f, FUZZ_DM);
	struct bao_virtio_request req = pick_answer(f, &h);

	complete_on(f, &h, &req, seldom(f) ? bad_pointer(f) : NULL);
}

/* The half that waits, after the other one; what comes may still be on its way, as in attach() */
static void take_next(struct fuzz *f, struct fuzz_handle *h, struct bao_virtio_request *req,
		      long ret)
{
	struct fuzz_slot *head = model_head(h->file->dev);

	while (ret == -EAGAIN && head && wait_until(dm_waiting(h->fd))) {
		FUZZ_CHECK(f, req->op == BAO_IO_ASK, "op %llu after EAGAIN", req->op);
		ret = do_ioctl(h->fd, BAO_IOCTL_IO_REQUEST_NEXT, req);
	}
	fuzz_expect(f, ret, head ? 0 : ERROR(EAGAIN));
	if (ret)
		FUZZ_CHECK(f, req->op == BAO_IO_ASK, "op %llu after %ld", req->op, ret);
	else if (head)
		take(f, h, head, req);
}

void call_next(struct fuzz *f)
{
	struct fuzz_handle h = pick_handle(f, FUZZ_DM);
	struct bao_virtio_request req = pick_answer(f, &h), before;
	void *bad = seldom(f) ? bad_pointer(f) : NULL;
	__u64 errors = kind_errors(&h, FUZZ_DM);
	struct fuzz_slot *slot = NULL;
	long ret;

	if (prng_one_in(&f->prng, 4))
		req.op = BAO_IO_ASK;
	if (bad)
		errors |= ERROR(EFAULT);
	if (h.kind == FUZZ_DM && req.op != BAO_IO_ASK) {
		slot = find_owned(h.file, req.request_id);
		errors |= request_errors(&req, h.file, slot);
	}
	before = req;
	fuzz_say(f, "NEXT fd %d id %llx op %llu value %llx%s", h.fd, req.request_id, req.op,
		 req.value, bad ? " at a bad address" : "");
	ret = do_ioctl(h.fd, BAO_IOCTL_IO_REQUEST_NEXT, bad ?: &req);
	if (errors) {
		fuzz_expect(f, ret, errors);
		FUZZ_CHECK(f, !memcmp(&before, &req, sizeof(req)), "NEXT has changed its argument");
	} else if (slot && model_complete(h.file->dev, slot, before.value)) {
		/* The hypervisor has refused it */
		fuzz_expect(f, ret, ERROR(EIO));
		FUZZ_CHECK(f, req.op == BAO_IO_ASK, "op %llu after EIO", req.op);
	} else {
		take_next(f, &h, &req, ret);
	}
}

/* Takes and answers all that waits, on a descriptor of its own */
void calls_drain(struct fuzz *f, struct fuzz_device *dev)
{
	struct fuzz_handle *h = free_handle(f);
	struct bao_dm_info info = { .id = dev->dm_id };
	int fd = dispatcher_open();
	struct fuzz_slot *slot;
	int ret;

	ret = do_ioctl(fd, BAO_IOCTL_DM_GET_INFO, &info);
	close_fd(fd);
	fuzz_expect(f, ret, 0);
	if (ret)
		return;
	new_file(f, dev, &info);
	while (!*f->failure && (slot = model_head(dev))) {
		struct bao_virtio_request req = { .dm_id = dev->dm_id };

		attach_to(f, h, NULL);
		req.request_id = slot->id;
		req.op = slot->write ? BAO_IO_WRITE : BAO_IO_READ;
		if (!*f->failure)
			complete_on(f, h, &req, NULL);
	}
	close_handle(f, h);
}

/* ioeventfds and irqfds */

/* Addresses that accesses meet often, and the ends of what there is */
static __u64 pick_match_addr(struct fuzz *f)
{
	static const __u64 edges[] = {
		0, 1, FUZZ_BASE - 1, 0xffffffff, 0x100000000, ~0ull - 8, ~0ull - 7, ~0ull - 3,
		~0ull,
	};

	if (seldom(f))
		return FUZZ_PICK(f, edges);
	return FUZZ_BASE + 0x50 + 2 * prng_below(&f->prng, 8);
}

static __u32 pick_match_len(struct fuzz *f)
{
	static const __u32 right[] = { 1, 2, 4, 8 };
	static const __u32 wrong[] = { 0, 3, 5, 6, 7, 9, 16, 0x80000000, UINT_MAX };

	return seldom(f) ? FUZZ_PICK(f, wrong) : FUZZ_PICK(f, right);
}

static bool is_len(__u32 len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

static __u64 match_errors(const struct bao_ioeventfd *args)
{
	__u64 flags = BAO_IOEVENTFD_FLAG_DATAMATCH | BAO_IOEVENTFD_FLAG_DEASSIGN;

	if (args->flags & ~flags || args->reserved || !is_len(args->len))
		return ERROR(EINVAL);
	if (args->addr > ~0ull - (args->len - 1))
		return ERROR(EINVAL);
	if (args->flags & BAO_IOEVENTFD_FLAG_DATAMATCH && args->len < 8 &&
	    args->data >> 8 * args->len)
		return ERROR(EINVAL);
	return 0;
}

static int find_match(struct fuzz_device *dev, const struct fuzz_range *range)
{
	unsigned int i;

	for (i = 0; i < dev->nr_ranges; i++) {
		const struct fuzz_range *r = &dev->range[i];

		if (r->file == range->file && r->event == range->event && r->addr == range->addr &&
		    r->size == range->size && r->any_value == range->any_value &&
		    (r->any_value || r->value == range->value))
			return i;
	}
	return -1;
}

/* Arguments that describe an ioeventfd that there is, to take it back */
static void describe_one(struct fuzz *f, struct fuzz_handle *h, struct fuzz_handle *event,
			 struct bao_ioeventfd *args)
{
	struct fuzz_device *dev = h->file->dev;
	struct fuzz_range *r;
	unsigned int i;

	if (!dev->nr_ranges)
		return;
	r = &dev->range[prng_below(&f->prng, dev->nr_ranges)];
	args->addr = r->addr;
	args->len = r->size;
	args->data = r->value;
	args->flags = BAO_IOEVENTFD_FLAG_DEASSIGN;
	if (!r->any_value)
		args->flags |= BAO_IOEVENTFD_FLAG_DATAMATCH;
	for (i = 0; i < FUZZ_HANDLES; i++) {
		if (f->handle[i].kind == FUZZ_EVENT && f->handle[i].event == r->event)
			*event = f->handle[i];
		if (f->handle[i].kind == FUZZ_DM && f->handle[i].file == r->file)
			*h = f->handle[i];
	}
}

void call_ioeventfd(struct fuzz *f)
{
	struct fuzz_handle h = pick_handle(f, FUZZ_DM), event = pick_handle(f, FUZZ_EVENT);
	bool bad = seldom(f);
	struct bao_ioeventfd args = {
		.flags = prng_below(&f->prng, 2) ? BAO_IOEVENTFD_FLAG_DATAMATCH : 0,
		.addr = pick_match_addr(f),
		.len = pick_match_len(f),
		.reserved = seldom(f) && seldom(f),
		.data = seldom(f) ? prng_next(&f->prng) : prng_below(&f->prng, 4),
	};
	struct fuzz_range range;
	int match = -1;
	__u64 errors;
	long ret;

	if (h.kind == FUZZ_DM && prng_one_in(&f->prng, 2))
		describe_one(f, &h, &event, &args);
	if (seldom(f))
		args.flags ^= 1u << prng_below(&f->prng, 32);
	args.fd = event.fd;

	errors = kind_errors(&h, FUZZ_DM) | match_errors(&args) | eventfd_errors(&event);
	if (bad)
		errors |= ERROR(EFAULT);
	range = (struct fuzz_range) {
		.file = h.file,
		.event = event.event,
		.addr = args.addr,
		.size = args.len,
		.any_value = !(args.flags & BAO_IOEVENTFD_FLAG_DATAMATCH),
		.value = args.data,
	};
	if (h.kind == FUZZ_DM && args.flags & BAO_IOEVENTFD_FLAG_DEASSIGN) {
		match = event.kind == FUZZ_EVENT ? find_match(h.file->dev, &range) : -1;
		if (match < 0)
			errors |= ERROR(ENOENT);
	} else if (h.kind == FUZZ_DM) {
		if (model_has_conflict(h.file->dev, &range))
			errors |= ERROR(EEXIST);
		if (h.file->dev->nr_ranges == FUZZ_MAX_RANGES)
			errors |= ERROR(ENOSPC);
	}
	fuzz_say(f, "IOEVENTFD fd %d event %d flags %x addr %llx len %u reserved %u data %llx%s",
		 h.fd, event.fd, args.flags, args.addr, args.len, args.reserved, args.data,
		 bad ? " at a bad address" : "");
	ret = do_ioctl(h.fd, BAO_IOCTL_IOEVENTFD, bad ? bad_pointer(f) : &args);
	fuzz_expect(f, ret, errors);
	if (errors)
		return;
	if (args.flags & BAO_IOEVENTFD_FLAG_DEASSIGN)
		model_range_del(h.file->dev, match);
	else
		model_range_add(h.file->dev, &range);
}

static bool has_irqfd(const struct fuzz_event *event, const struct fuzz_file *file)
{
	unsigned int i;

	for (i = 0; i < event->nr_irqfds; i++) {
		if (event->irqfd[i] == file)
			return true;
	}
	return false;
}

void call_irqfd(struct fuzz *f)
{
	struct fuzz_handle h = pick_handle(f, FUZZ_DM), event = pick_handle(f, FUZZ_EVENT);
	struct bao_irqfd args = { .fd = event.fd };
	bool bad = seldom(f), remove;
	__u64 errors;
	long ret;

	if (prng_one_in(&f->prng, 2))
		args.flags = BAO_IRQFD_FLAG_DEASSIGN;
	if (seldom(f))
		args.flags ^= 1u << prng_below(&f->prng, 32);
	remove = args.flags & BAO_IRQFD_FLAG_DEASSIGN;
	errors = kind_errors(&h, FUZZ_DM) | eventfd_errors(&event);
	if (bad)
		errors |= ERROR(EFAULT);
	if (args.flags & ~BAO_IRQFD_FLAG_DEASSIGN)
		errors |= ERROR(EINVAL);
	if (h.kind == FUZZ_DM && event.kind == FUZZ_EVENT &&
	    has_irqfd(event.event, h.file) != remove)
		errors |= remove ? ERROR(ENOENT) : ERROR(EBUSY);
	fuzz_say(f, "IRQFD fd %d event %d flags %x%s", h.fd, args.fd, args.flags,
		 bad ? " at a bad address" : "");
	ret = do_ioctl(h.fd, BAO_IOCTL_IRQFD, bad ? bad_pointer(f) : &args);
	fuzz_expect(f, ret, errors);
	if (errors)
		return;
	if (remove)
		model_irqfd_del(event.event, h.file);
	else
		model_irqfd_add(event.event, h.file);
}

/* Eventfds */

void call_eventfd(struct fuzz *f)
{
	struct fuzz_handle *h = free_handle(f);
	bool semaphore = prng_one_in(&f->prng, 4);
	unsigned int count = prng_below(&f->prng, 3);

	fuzz_say(f, "eventfd %u%s", count, semaphore ? " semaphore" : "");
	h->fd = eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK | (semaphore ? EFD_SEMAPHORE : 0));
	fuzz_expect(f, h->fd < 0 ? -errno : h->fd, 0);
	if (h->fd < 0)
		return;
	h->kind = FUZZ_EVENT;
	h->event = calloc(1, sizeof(*h->event));
	h->event->refs = 1;
	h->event->fds = 1;
	h->event->semaphore = semaphore;
	h->event->count = count;
}

void call_event_write(struct fuzz *f)
{
	static const __u64 values[] = { 0, 1, 1, 1, 2, 1000, ULLONG_MAX - 2, ULLONG_MAX - 1,
					ULLONG_MAX };
	struct fuzz_handle *h = find_handle(f, FUZZ_EVENT);
	__u64 value = FUZZ_PICK(f, values), errors = 0;

	if (!h)
		return;
	if (value == ULLONG_MAX)
		errors = ERROR(EINVAL);
	else if (ULLONG_MAX - h->event->count <= value)
		errors = ERROR(EAGAIN);
	fuzz_say(f, "write %llx to event %d", value, h->fd);
	fuzz_expect(f, eventfd_add(h->fd, value), errors);
	if (errors)
		return;
	h->event->count += value;
	model_wake(h->event);
}

void call_event_read(struct fuzz *f)
{
	struct fuzz_handle *h = find_handle(f, FUZZ_EVENT);
	__u64 count = 0, expected;

	if (!h)
		return;
	expected = h->event->count;
	if (h->event->semaphore && expected)
		expected = 1;
	h->event->count -= expected;
	fuzz_say(f, "read event %d", h->fd);
	if (read(h->fd, &count, sizeof(count)) < 0)
		fuzz_expect(f, -errno, expected ? 0 : ERROR(EAGAIN));
	FUZZ_CHECK(f, count == expected, "event has %llx, not %llx", count, expected);
}

/* Other calls */

void call_unknown(struct fuzz *f)
{
	static const unsigned long known[] = {
		BAO_IOCTL_DM_GET_INFO, BAO_IOCTL_IO_CLIENT_ATTACH, BAO_IOCTL_IO_REQUEST_COMPLETE,
		BAO_IOCTL_IOEVENTFD, BAO_IOCTL_IRQFD, BAO_IOCTL_IO_REQUEST_NEXT,
	};
	struct fuzz_handle h = pick_handle(f, FUZZ_DM);
	unsigned long command = FUZZ_PICK(f, known);
	unsigned int i;

	/* Other numbers, sizes and directions; never other types, which may be somebody's */
	if (prng_one_in(&f->prng, 2))
		command = (command & ~0xfful) | prng_below(&f->prng, 256);
	if (prng_one_in(&f->prng, 2))
		command ^= 1ul << (16 + prng_below(&f->prng, 16));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (command == known[i])
			return;
	}
	fuzz_say(f, "ioctl fd %d command %lx", h.fd, command);
	fuzz_expect(f, do_ioctl(h.fd, command, bad_destination(f)),
		    kind_errors(&h, FUZZ_NR_KINDS));
}

static short expected_events(const struct fuzz_handle *h)
{
	if (h->kind == FUZZ_EVENT)
		return (h->event->count ? POLLIN : 0) |
		       (h->event->count == ULLONG_MAX ? POLLERR : 0);
	if (model_file_dead(h->file))
		return POLLERR | POLLHUP;
	return model_head(h->file->dev) ? POLLIN : 0;
}

static short events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents;
}

void call_poll(struct fuzz *f)
{
	struct fuzz_handle *h = find_handle(f, seldom(f) ? FUZZ_EVENT : FUZZ_DM);
	short expected;

	if (!h)
		return;
	expected = expected_events(h);
	fuzz_say(f, "poll fd %d", h->fd);
	/* What waits may still be on its way, and nothing else may come */
	if (expected == POLLIN)
		wait_until(events(h->fd) == expected);
	FUZZ_CHECK(f, events(h->fd) == expected, "events %x, not %x", events(h->fd), expected);
}

static __s64 seek(struct fuzz_file *file, __s64 offset, int whence)
{
	__u64 base[] = { 0, file->pos, FUZZ_WINDOW };
	__s64 pos;

	if (whence > SEEK_END)
		return -EINVAL;
	/* Kernels wrap around */
	pos = base[whence] + offset;
	if (pos < 0 || pos > FUZZ_WINDOW)
		return -EINVAL;
	file->pos = pos;
	return pos;
}

void call_lseek(struct fuzz *f)
{
	static const __s64 offsets[] = {
		0, 1, -1, FUZZ_WINDOW - 1, FUZZ_WINDOW, FUZZ_WINDOW + 1, -FUZZ_WINDOW,
		LLONG_MAX, LLONG_MIN,
	};
	struct fuzz_handle *h = find_handle(f, FUZZ_DM);
	__s64 offset = FUZZ_PICK(f, offsets), expected, pos;
	int whence = prng_below(&f->prng, 5);

	if (!h)
		return;
	expected = seek(h->file, offset, whence);
	fuzz_say(f, "lseek fd %d to %lld whence %d", h->fd, offset, whence);
	pos = lseek(h->fd, offset, whence);
	if (pos < 0)
		pos = -errno;
	FUZZ_CHECK(f, pos == expected, "position %lld, not %lld", pos, expected);
}

static void unmap(struct fuzz *f, struct fuzz_mapping *m)
{
	fuzz_say(f, "munmap %p", m->addr);
	/* The memory is there, whatever has become of the device */
	m->addr[0]++;
	m->addr[m->size - 1]++;
	fuzz_expect(f, munmap(m->addr, m->size) ? -errno : 0, 0);
	model_file_put(f, m->file);
	m->addr = NULL;
}

void call_munmap(struct fuzz *f)
{
	struct fuzz_mapping *m = &FUZZ_PICK(f, f->mapping);

	if (m->addr)
		unmap(f, m);
}

void call_mmap(struct fuzz *f)
{
	struct fuzz_handle h = pick_handle(f, FUZZ_DM);
	size_t page = getpagesize(), pages = FUZZ_WINDOW / page;
	__u64 offset = (prng_below(&f->prng, 2) ? prng_below(&f->prng, pages + 3) : 0) * page;
	size_t size = prng_below(&f->prng, FUZZ_WINDOW + 2 * page);
	int flags = seldom(f) ? MAP_PRIVATE : MAP_SHARED;
	struct fuzz_mapping *m;
	__u64 errors = 0;
	char *addr;

	/* 32-bit kernels have no larger one */
	if (seldom(f))
		offset += prng_one_in(&f->prng, 2) ? 1 : 1ull << (register_mask() >> 32 ? 40 : 31);
	if (offset % page || !size || flags == MAP_PRIVATE ||
	    offset + (size + page - 1) / page * page > FUZZ_WINDOW)
		errors |= ERROR(EINVAL);
	if (h.kind == FUZZ_NONE)
		errors |= ERROR(EBADF);
	else if (h.kind != FUZZ_DM || model_file_dead(h.file))
		errors |= ERROR(ENODEV);
	fuzz_say(f, "mmap fd %d offset %llx size %zx%s", h.fd, offset, size,
		 flags == MAP_PRIVATE ? " private" : "");
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, h.fd, offset);
	fuzz_expect(f, addr == MAP_FAILED ? -errno : 0, errors);
	if (addr == MAP_FAILED)
		return;
	addr[0] = 1;
	addr[size - 1] = 2;
	if (h.kind != FUZZ_DM)
		return;
	h.file->refs++;
	for (m = f->mapping; m < f->mapping + FUZZ_MAPPINGS && m->addr; m++)
		;
	if (m == f->mapping + FUZZ_MAPPINGS) {
		m = &FUZZ_PICK(f, f->mapping);
		unmap(f, m);
	}
	*m = (struct fuzz_mapping){ addr, size, h.file };
}

void call_read_or_write(struct fuzz *f)
{
	struct fuzz_handle *h = find_handle(f, seldom(f) ? FUZZ_DISPATCHER : FUZZ_DM);
	char buffer[64] = { 0 };
	long ret;

	if (!h)
		return;
	fuzz_say(f, "read or write fd %d", h->fd);
	if (prng_one_in(&f->prng, 2))
		ret = read(h->fd, buffer, sizeof(buffer));
	else
		ret = write(h->fd, buffer, sizeof(buffer));
	fuzz_expect(f, ret < 0 ? -errno : ret, ERROR(EINVAL));
}

/* Closes and unmaps all */
void calls_end(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < FUZZ_HANDLES; i++) {
		if (f->handle[i].kind != FUZZ_NONE)
			close_handle(f, &f->handle[i]);
	}
	for (i = 0; i < FUZZ_MAPPINGS; i++) {
		if (f->mapping[i].addr)
			unmap(f, &f->mapping[i]);
	}
}
