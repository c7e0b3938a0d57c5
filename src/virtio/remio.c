// SPDX-License-Identifier: GPL-2.0
/*
 * Devices as clients of the remote-I/O transport: the only file that knows the hypervisor
 *
 * Accesses that a device refuses for now wait in a list, and so do those that come after them. A
 * device that has been taken down leaves its window behind as an empty slot, at once or when its
 * driver has let go of it.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <linux/bao.h>

#include "core.h"

/**
 * struct bao_remio_host - a window
 * @host: what the device sees
 * @ep: endpoint, with a reference
 * @client: us
 * @range: the window
 * @mutex: @vdev goes, and has been halted, under it; so who has had it knows that
 *	   bao_remio_gone() has nothing to do with the device any more
 * @lock: protects @waiting, and writers of @vdev
 * @vdev: whose registers are accessed; NULL for an empty slot
 * @waiting: &bao_request.node of accesses that wait, oldest first; the client owns them
 */
struct bao_remio_host {
	struct bao_vdev_host host;
	struct bao_endpoint *ep;
	struct bao_client client;
	struct bao_range range;
	struct mutex mutex;	/* serialises the end of vdev */
	spinlock_t lock;	/* protects waiting, writers of vdev */
	struct bao_vdev __rcu *vdev;
	struct list_head waiting;
};

static struct bao_remio_host *to_bao_remio_host(struct bao_vdev_host *host)
{
	return container_of(host, struct bao_remio_host, host);
}

static bool bao_remio_answer(struct bao_remio_host *rh, struct bao_request *req)
{
	struct bao_vdev *vdev = rcu_dereference_check(rh->vdev, lockdep_is_held(&rh->lock));
	u64 offset = req->addr - rh->range.addr;

	if (unlikely(!vdev)) {
		req->value = bao_mmio_read_empty(offset, req->width);
		return true;
	}
	if (req->write)
		return bao_mmio_write(vdev, offset, req->width, req->value);

	return bao_mmio_read(vdev, offset, req->width, &req->value);
}

static enum bao_access bao_remio_access(struct bao_range *range, struct bao_request *req)
{
	struct bao_remio_host *rh = container_of(range, struct bao_remio_host, range);
	enum bao_access ret = BAO_ACCESS_DONE;
	unsigned long flags;

	/*
	 * No other access comes meanwhile, so nothing enters the list behind our back. Those that
	 * have left it and are being answered are of other processors, which wait for none of us.
	 */
	if (likely(list_empty(&rh->waiting)) && likely(bao_remio_answer(rh, req)))
		return BAO_ACCESS_DONE;

	/*
	 * One that is refused enters the list under the lock, and bao_remio_unblocked() takes it
	 * after the device has changed its mind: so it finds it.
	 */
	spin_lock_irqsave(&rh->lock, flags);
	if (unlikely(!list_empty(&rh->waiting)) || !bao_remio_answer(rh, req)) {
		list_add_tail(&req->node, &rh->waiting);
		ret = bao_request_pend(&rh->client, req);
	}
	spin_unlock_irqrestore(&rh->lock, flags);

	return ret;
}

/* Operations of the host */

static void *bao_remio_translate(struct bao_vdev_host *host, u64 addr, size_t len)
{
	return bao_shmem_ptr(to_bao_remio_host(host)->ep, addr, len);
}

static struct page *bao_remio_page(struct bao_vdev_host *host, const void *ptr)
{
	return bao_shmem_page(to_bao_remio_host(host)->ep, ptr);
}

static int bao_remio_notify(struct bao_vdev_host *host)
{
	return bao_notify(to_bao_remio_host(host)->ep);
}

/*
 * What waits now, and no more: accesses that come meanwhile find the list empty, and are answered
 * where they come. So a frontend whose processors always have one waiting cannot keep this going.
 */
static void bao_remio_unblocked(struct bao_vdev_host *host)
{
	struct bao_remio_host *rh = to_bao_remio_host(host);
	struct bao_request *req;
	u64 id, value;
	LIST_HEAD(todo);
	bool write;

	spin_lock_irq(&rh->lock);
	list_splice_init(&rh->waiting, &todo);
	while ((req = list_first_entry_or_null(&todo, struct bao_request, node)) &&
	       bao_remio_answer(rh, req)) {
		list_del(&req->node);
		id = req->id;
		write = req->write;
		value = req->value;
		spin_unlock_irq(&rh->lock);

		/*
		 * Fails if bao_remio_gone() came, and the transport has answered. The requests in
		 * our list stay where they are: an endpoint that is gone receives no others.
		 */
		bao_request_complete(&rh->client, id, write, value);
		cond_resched();

		spin_lock_irq(&rh->lock);
	}
	/* The device refuses again. They came before those that it has refused meanwhile. */
	list_splice(&todo, &rh->waiting);
	spin_unlock_irq(&rh->lock);
}

static const struct bao_vdev_host_ops bao_remio_host_ops = {
	.translate = bao_remio_translate,
	.page = bao_remio_page,
	.notify = bao_remio_notify,
	.unblocked = bao_remio_unblocked,
};

/* Life */

/*
 * The endpoint goes. The transport has answered all that waits, with the default, and the memory of
 * these requests is nobody's any more. The device must not touch the window from now on: a process,
 * or another device, may serve this frontend next.
 */
static void bao_remio_gone(struct bao_client *client)
{
	struct bao_remio_host *rh = container_of(client, struct bao_remio_host, client);
	struct bao_vdev *vdev;

	mutex_lock(&rh->mutex);
	spin_lock_irq(&rh->lock);
	/* Nobody reads it any more, either: no access comes from an endpoint that is gone */
	vdev = rcu_replace_pointer(rh->vdev, NULL, lockdep_is_held(&rh->lock));
	INIT_LIST_HEAD(&rh->waiting);
	spin_unlock_irq(&rh->lock);
	if (vdev)
		bao_vdev_halt(vdev, "its endpoint is gone");
	mutex_unlock(&rh->mutex);
}

static struct bao_remio_host *bao_remio_create(struct bao_vdev *vdev)
{
	struct bao_remio_host *rh;
	int ret;

	rh = kzalloc(sizeof(*rh), GFP_KERNEL);
	if (!rh)
		return ERR_PTR(-ENOMEM);

	rh->host.ops = &bao_remio_host_ops;
	mutex_init(&rh->mutex);
	spin_lock_init(&rh->lock);
	INIT_LIST_HEAD(&rh->waiting);
	rh->range = (struct bao_range) {
		.kind = BAO_RANGE_WINDOW,
		.addr = vdev->addr,
		.size = vdev->size,
		.access = bao_remio_access,
	};
	rh->client.gone = bao_remio_gone;

	ret = -ENODEV;
	rh->ep = bao_endpoint_find(vdev->dm);
	if (!rh->ep)
		goto err_free;

	ret = bao_shmem_map(rh->ep);
	if (ret)
		goto err_put;

	ret = bao_client_attach(rh->ep, &rh->client);
	if (ret)
		goto err_unmap;

	return rh;

err_unmap:
	bao_shmem_unmap(rh->ep);
err_put:
	bao_endpoint_put(rh->ep);
err_free:
	mutex_destroy(&rh->mutex);
	kfree(rh);
	return ERR_PTR(ret);
}

static void bao_remio_destroy(struct bao_remio_host *rh)
{
	bao_client_detach(&rh->client);
	bao_shmem_unmap(rh->ep);
	bao_endpoint_put(rh->ep);
	mutex_destroy(&rh->mutex);
	kfree(rh);
}

static void bao_remio_set_vdev(struct bao_remio_host *rh, struct bao_vdev *vdev)
{
	spin_lock_irq(&rh->lock);
	rcu_assign_pointer(rh->vdev, vdev);
	spin_unlock_irq(&rh->lock);
}

/* From here on, the slot is empty */
static void bao_remio_cut(struct bao_remio_host *rh, struct bao_vdev *vdev)
{
	mutex_lock(&rh->mutex);
	bao_remio_set_vdev(rh, NULL);
	synchronize_rcu();
	bao_vdev_down(vdev);
	mutex_unlock(&rh->mutex);

	/* What has waited for the device; new accesses do not any more */
	bao_remio_unblocked(&rh->host);
}

/* Where a device was before, the empty slot becomes the device again */
static int bao_remio_fill_slot(struct bao_vdev *vdev)
{
	struct bao_remio_host *rh = to_bao_remio_host(vdev->host);
	int ret;

	ret = bao_vdev_up(vdev, &rh->host);
	if (ret)
		return ret;

	bao_remio_set_vdev(rh, vdev);
	/* bao_remio_gone() may have come before; then it has not seen the device */
	if (bao_client_gone(&rh->client)) {
		bao_remio_cut(rh, vdev);
		return -ENODEV;
	}

	return 0;
}

static int bao_remio_new_window(struct bao_vdev *vdev)
{
	struct bao_remio_host *rh;
	int ret;

	rh = bao_remio_create(vdev);
	if (IS_ERR(rh))
		return PTR_ERR(rh);

	ret = bao_vdev_up(vdev, &rh->host);
	if (ret)
		goto err_destroy;

	bao_remio_set_vdev(rh, vdev);
	ret = bao_range_add(&rh->client, &rh->range);
	if (ret)
		goto err_down;

	vdev->host = &rh->host;

	return 0;

err_down:
	bao_remio_cut(rh, vdev);
err_destroy:
	bao_remio_destroy(rh);
	return ret;
}

/**
 * bao_remio_go_live() - let the frontend see a device
 * @vdev: device that enable() has returned success for
 *
 * Context: &bao_vdev.mutex held; may sleep
 * Return: 0; -ENODEV if there is no endpoint &bao_vdev.dm, -EFBIG if the kernel cannot address its
 * shared-memory window, an error of bao_range_add() or of bao_vdev_up(). disable() and
 * bao_vdev_forget() are to follow an error.
 */
int bao_remio_go_live(struct bao_vdev *vdev)
{
	/* What is left of an endpoint that is gone does not stand in the way of a new one */
	if (vdev->host && bao_client_gone(&to_bao_remio_host(vdev->host)->client))
		bao_remio_forget(vdev);

	return vdev->host ? bao_remio_fill_slot(vdev) : bao_remio_new_window(vdev);
}

/**
 * bao_remio_take_down() - let the frontend see an empty slot, or one that becomes empty
 * @vdev: device that is live
 *
 * When this returns, no function of the model is running, except refuse() if it returns true. What
 * the driver had requested has been refused then, too.
 *
 * Context: &bao_vdev.mutex held; may sleep
 * Return: true if the device refuses what its driver requests, see bao_vdev_refuse()
 */
bool bao_remio_take_down(struct bao_vdev *vdev)
{
	struct bao_remio_host *rh = to_bao_remio_host(vdev->host);
	bool refuses;

	/* If the endpoint is gone, there is no driver. If it goes later, that ends the refusing. */
	mutex_lock(&rh->mutex);
	refuses = rcu_access_pointer(rh->vdev) && bao_vdev_refuse(vdev);
	mutex_unlock(&rh->mutex);

	if (refuses)
		bao_vdev_drain(vdev);
	else
		bao_remio_cut(rh, vdev);

	return refuses;
}

/**
 * bao_remio_empty_slot() - let the frontend see an empty slot
 * @vdev: device that is not live, and refuses, or has done so
 *
 * When this returns, no function of the model is running.
 *
 * Context: &bao_vdev.mutex held; may sleep
 */
void bao_remio_empty_slot(struct bao_vdev *vdev)
{
	bao_remio_cut(to_bao_remio_host(vdev->host), vdev);
}

/**
 * bao_remio_forget() - let the frontend's accesses wait for somebody else
 * @vdev: device that is not live; nothing happens if it never was
 *
 * Context: &bao_vdev.mutex held; may sleep
 */
void bao_remio_forget(struct bao_vdev *vdev)
{
	if (!vdev->host)
		return;

	bao_remio_destroy(to_bao_remio_host(vdev->host));
	vdev->host = NULL;
}
