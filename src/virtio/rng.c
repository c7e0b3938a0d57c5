// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio entropy device: random numbers of this system for a frontend
 *
 * They come from the kernel's generator, which cannot be exhausted. What a frontend could take from
 * others is processor time, so there is a limit of bytes per second.
 *
 * The limit is a token bucket that holds what may be taken within one second. It is kept as one
 * point in time, rng->empty, at which the bucket was, or will be, empty: there are as many bytes in
 * it as the rate yields between then and now, and who takes bytes moves the point on. The bucket
 * belongs to the device, so a frontend gains nothing by a reset.
 */
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/virtio_ids.h>
#include <linux/workqueue.h>

#include <linux/bao_virtio.h>

/* Bytes per second unless configured: costs well below one per cent of a processor */
#define BAO_RNG_DEFAULT_RATE	(1024 * 1024)

/* Bytes that a round of the worker yields at most */
#define BAO_RNG_ROUND		(16 * 1024)

/* Drivers are not made to wait for less, nor served with less if they want as much */
#define BAO_RNG_PORTION		64

/**
 * struct bao_rng - an entropy device
 * @vdev: what the core knows
 * @rate: attribute: bytes per second, or 0: no limit
 * @empty: when the bucket is empty, in nanoseconds; serve()'s
 * @wake: goes on when there is enough in the bucket
 */
struct bao_rng {
	struct bao_vdev vdev;
	u32 rate;
	u64 empty;
	struct delayed_work wake;
};

static struct bao_rng *to_bao_rng(struct bao_vdev *vdev)
{
	return container_of(vdev, struct bao_rng, vdev);
}

/* How long the rate takes for a number of bytes, in nanoseconds, rounded up */
static u64 bao_rng_time(const struct bao_rng *rng, u32 bytes)
{
	return div_u64((u64)bytes * NSEC_PER_SEC + rng->rate - 1, rng->rate);
}

/* Bytes that may be taken now */
static u32 bao_rng_allowed(struct bao_rng *rng)
{
	u64 now = ktime_get_ns();

	if (!rng->rate)
		return U32_MAX;

	/* It was moved on by whole nanoseconds, rounded up, so it may be ahead of us */
	if ((s64)(now - rng->empty) < 0)
		return 0;
	/* The bucket overflows. This also keeps the product below within 64 bits. */
	if (now - rng->empty > NSEC_PER_SEC)
		rng->empty = now - NSEC_PER_SEC;

	return div_u64((now - rng->empty) * rng->rate, NSEC_PER_SEC);
}

static void bao_rng_taken(struct bao_rng *rng, u32 bytes)
{
	if (rng->rate)
		rng->empty += bao_rng_time(rng, bytes);
}

static void bao_rng_wait(struct bao_rng *rng, u32 bytes)
{
	s64 ns = rng->empty + bao_rng_time(rng, bytes) - ktime_get_ns();

	/* One more, as the current one has begun already */
	schedule_delayed_work(&rng->wake, nsecs_to_jiffies(max_t(s64, ns, 0)) + 1);
}

static void bao_rng_wake(struct work_struct *work)
{
	struct bao_rng *rng = container_of(to_delayed_work(work), struct bao_rng, wake);

	bao_vq_wake(bao_vdev_vq(&rng->vdev, 0));
}

/* The generator does not read what it has written, so the driver may see the bytes come */
static void bao_rng_fill(const struct bao_vchain *chain, u32 bytes)
{
	const struct kvec *iov = chain->iov + chain->out;
	size_t len;

	for (; bytes; iov++, bytes -= len) {
		len = min_t(size_t, iov->iov_len, bytes);
		get_random_bytes(iov->iov_base, len);
	}
}

static enum bao_vq_state bao_rng_serve(struct bao_vq *vq)
{
	struct bao_rng *rng = to_bao_rng(bao_vq_vdev(vq));
	u32 left = BAO_RNG_ROUND, bytes, portion;
	struct bao_vchain chain;

	while (bao_vq_pop(vq, &chain) > 0) {
		/* Less than the driver has asked for is fine, but nothing at all is not */
		bytes = min3(chain.in_len, left, bao_rng_allowed(rng));
		portion = min_t(u32, chain.in_len, BAO_RNG_PORTION);
		if (rng->rate)
			portion = min(portion, rng->rate);

		if (bytes < portion && bytes < left) {
			bao_vq_unpop(vq, 1);
			bao_rng_wait(rng, portion);
			return BAO_VQ_STALLED;
		}

		bao_rng_fill(&chain, bytes);
		bao_rng_taken(rng, bytes);
		bao_vq_push(vq, chain.id, bytes);
		left -= bytes;
		if (!left || bao_vq_budget(vq))
			return BAO_VQ_MORE;
	}

	return BAO_VQ_EMPTY;
}

/* serve() does not run, so nobody arms the work again */
static void bao_rng_vq_stop(struct bao_vq *vq)
{
	cancel_delayed_work_sync(&to_bao_rng(bao_vq_vdev(vq))->wake);
}

static ssize_t bao_rng_rate_show(struct config_item *item, char *page)
{
	struct bao_rng *rng = to_bao_rng(to_bao_vdev(item));
	u32 rate;

	mutex_lock(&rng->vdev.mutex);
	rate = rng->rate;
	mutex_unlock(&rng->vdev.mutex);

	return sprintf(page, "%u\n", rate);
}

static ssize_t bao_rng_rate_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_rng *rng = to_bao_rng(to_bao_vdev(item));
	u32 rate;
	int ret;

	ret = kstrtou32(page, 0, &rate);
	if (ret)
		return ret;

	ret = bao_vdev_configure(&rng->vdev);
	if (ret)
		return ret;
	rng->rate = rate;
	bao_vdev_configured(&rng->vdev);

	return len;
}
CONFIGFS_ATTR(bao_rng_, rate);

static struct configfs_attribute *bao_rng_attrs[] = {
	&bao_rng_attr_rate,
	NULL
};

static struct bao_vdev *bao_rng_alloc(void)
{
	struct bao_rng *rng;

	rng = kzalloc(sizeof(*rng), GFP_KERNEL);
	if (!rng)
		return NULL;

	rng->rate = BAO_RNG_DEFAULT_RATE;
	INIT_DELAYED_WORK(&rng->wake, bao_rng_wake);

	return &rng->vdev;
}

static void bao_rng_free(struct bao_vdev *vdev)
{
	kfree(to_bao_rng(vdev));
}

/*
 * A frontend must not take for random what is not. The generator seeds itself when somebody waits
 * for it, and hardly ever otherwise on a system without devices: so this does, and not the worker,
 * which would have to look again and again, and a reset would have to wait for.
 */
static int bao_rng_enable(struct bao_vdev *vdev)
{
	struct bao_rng *rng = to_bao_rng(vdev);
	int ret;

	ret = wait_for_random_bytes();
	if (ret)
		return ret;

	vdev->features = 0;
	vdev->nr_queues = 1;
	vdev->config = NULL;
	vdev->config_size = 0;
	rng->empty = ktime_get_ns() - NSEC_PER_SEC;

	return 0;
}

/* Nothing is left once the queue has been stopped */
static void bao_rng_disable(struct bao_vdev *vdev)
{
}

static const struct bao_vdev_model bao_rng_model = {
	.owner = THIS_MODULE,
	.name = "rng",
	.device_id = VIRTIO_ID_RNG,
	.attrs = bao_rng_attrs,
	.alloc = bao_rng_alloc,
	.free = bao_rng_free,
	.enable = bao_rng_enable,
	.disable = bao_rng_disable,
	.vq_stop = bao_rng_vq_stop,
	.serve = bao_rng_serve,
};

static int __init bao_rng_init(void)
{
	return bao_vdev_model_register(&bao_rng_model);
}
module_init(bao_rng_init);

static void __exit bao_rng_exit(void)
{
	bao_vdev_model_unregister(&bao_rng_model);
}
module_exit(bao_rng_exit);

MODULE_DESCRIPTION("Virtio entropy for frontends of the Bao hypervisor");
MODULE_LICENSE("GPL");
