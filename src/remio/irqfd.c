// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd: an eventfd interrupts the frontend
 *
 * We sit in the eventfd's wait queue, so the hypercall is made by whoever writes to the eventfd,
 * before the write returns, be it a process or a vhost thread.
 *
 * An irqfd ends in one of three ways: deassignment, release of its descriptor, or the close of the
 * eventfd (EPOLLHUP). They meet in bao_irqfd_deactivate(): who takes the irqfd out of the list
 * under irqfd_lock queues its shutdown, once. Shutdown leaves the wait queue, which waits for a
 * wake-up that is under way, and frees. The first two ways flush it before they return.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "remio.h"

/**
 * struct bao_irqfd_entry - an irqfd
 * @dmf: its descriptor; outlives us, since its release flushes our shutdown
 * @eventfd: what is written to; holds a reference
 * @wqh: the eventfd's wait queue, which stays as long as that
 * @wait: in @wqh
 * @node: in the list of its descriptor while active; under irqfd_lock
 * @shutdown: the end
 */
struct bao_irqfd_entry {
	struct bao_dm_file *dmf;
	struct eventfd_ctx *eventfd;
	wait_queue_head_t *wqh;
	wait_queue_entry_t wait;
	struct list_head node;
	struct work_struct shutdown;
};

/**
 * struct bao_irqfd_poll - how an irqfd gets into the wait queue
 * @pt: what the eventfd calls back
 * @entry: irqfd
 * @signalled: out: what the eventfd's counter was
 */
struct bao_irqfd_poll {
	poll_table pt;
	struct bao_irqfd_entry *entry;
	u64 signalled;
};

static struct workqueue_struct *bao_irqfd_wq;

static void bao_irqfd_shutdown(struct work_struct *work)
{
	struct bao_irqfd_entry *entry = container_of(work, struct bao_irqfd_entry, shutdown);

	/*
	 * Takes the wait queue's lock, so bao_irqfd_wakeup() has ended and does not come again. And
	 * it leaves the counter alone, where eventfd_ctx_remove_wait_queue() would read it: what is
	 * there now, we have not sent, or have left on purpose (EFD_SEMAPHORE).
	 */
	remove_wait_queue(entry->wqh, &entry->wait);
	eventfd_ctx_put(entry->eventfd);
	kfree(entry);
}

static void bao_irqfd_deactivate(struct bao_irqfd_entry *entry)
{
	lockdep_assert_held(&entry->dmf->irqfd_lock);

	list_del_init(&entry->node);
	entry->dmf->nr_irqfds--;
	queue_work(bao_irqfd_wq, &entry->shutdown);
}

/* Called with the lock of the eventfd's wait queue held and interrupts off */
static int bao_irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct bao_irqfd_entry *entry = container_of(wait, struct bao_irqfd_entry, wait);
	struct bao_dm_file *dmf = entry->dmf;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	/*
	 * Not active: it has ended, and only its shutdown is still to come. An ioeventfd may signal
	 * an eventfd that has no descriptor any more. What makes it inactive on EPOLLHUP holds the
	 * lock that our caller holds, and otherwise it does not matter who comes first.
	 */
	if (events & EPOLLIN && !list_empty(&entry->node)) {
		/* Nobody reads it: without this, a blocking writer would stop at the maximum */
		eventfd_ctx_do_read(entry->eventfd, &count);
		bao_notify(dmf->ep);
	}

	if (events & EPOLLHUP) {
		/*
		 * If it is not active any more, another has queued the shutdown. It cannot have
		 * freed the irqfd, as it needs the lock that our caller holds.
		 */
		spin_lock_irqsave(&dmf->irqfd_lock, flags);
		if (!list_empty(&entry->node))
			bao_irqfd_deactivate(entry);
		spin_unlock_irqrestore(&dmf->irqfd_lock, flags);
	}

	return 0;
}

static void bao_irqfd_queue(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	struct bao_irqfd_poll *poll = container_of(pt, struct bao_irqfd_poll, pt);

	/* A write is either in the counter, or comes later and wakes us: none is lost or doubled */
	spin_lock_irq(&wqh->lock);
	eventfd_ctx_do_read(poll->entry->eventfd, &poll->signalled);
	/* Who waits to write to a full counter may */
	if (poll->signalled)
		wake_up_locked_poll(wqh, EPOLLOUT);
	poll->entry->wqh = wqh;
	__add_wait_queue(wqh, &poll->entry->wait);
	spin_unlock_irq(&wqh->lock);
}

static struct bao_irqfd_entry *bao_irqfd_find(struct bao_dm_file *dmf,
					      const struct eventfd_ctx *eventfd)
{
	struct bao_irqfd_entry *entry;

	lockdep_assert_held(&dmf->irqfd_lock);

	list_for_each_entry(entry, &dmf->irqfds, node)
		if (entry->eventfd == eventfd)
			return entry;

	return NULL;
}

static int bao_irqfd_activate(struct bao_irqfd_entry *entry)
{
	struct bao_dm_file *dmf = entry->dmf;
	int ret = 0;

	spin_lock_irq(&dmf->irqfd_lock);
	if (bao_irqfd_find(dmf, entry->eventfd)) {
		ret = -EBUSY;
	} else if (dmf->nr_irqfds >= BAO_MAX_IRQFDS) {
		ret = -ENOSPC;
	} else {
		list_add_tail(&entry->node, &dmf->irqfds);
		dmf->nr_irqfds++;
	}
	spin_unlock_irq(&dmf->irqfd_lock);

	return ret;
}

static int bao_irqfd_assign(struct bao_dm_file *dmf, struct file *file)
{
	struct bao_irqfd_entry *entry;
	struct bao_irqfd_poll poll = {};
	int ret;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;

	entry->dmf = dmf;
	entry->eventfd = eventfd_ctx_fileget(file);
	INIT_WORK(&entry->shutdown, bao_irqfd_shutdown);
	init_waitqueue_func_entry(&entry->wait, bao_irqfd_wakeup);

	/*
	 * Into the list before the wait queue, so that whoever wakes us finds us active. Nobody
	 * ends us in between: our caller holds the mutex, and @file, so there is no EPOLLHUP.
	 */
	ret = bao_irqfd_activate(entry);
	if (ret) {
		eventfd_ctx_put(entry->eventfd);
		kfree(entry);
		return ret;
	}

	poll.entry = entry;
	init_poll_funcptr(&poll.pt, bao_irqfd_queue);
	vfs_poll(file, &poll.pt);
	if (poll.signalled)
		bao_notify(dmf->ep);

	return 0;
}

static int bao_irqfd_deassign(struct bao_dm_file *dmf, struct file *file)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	struct bao_irqfd_entry *entry;

	spin_lock_irq(&dmf->irqfd_lock);
	entry = bao_irqfd_find(dmf, eventfd);
	if (entry)
		bao_irqfd_deactivate(entry);
	spin_unlock_irq(&dmf->irqfd_lock);
	eventfd_ctx_put(eventfd);

	if (!entry)
		return -ENOENT;

	/* No interrupt comes from this eventfd once we return */
	flush_workqueue(bao_irqfd_wq);

	return 0;
}

/**
 * bao_irqfd_config() - BAO_IOCTL_IRQFD
 * @dmf: descriptor
 * @config: argument, from user space
 *
 * Context: the descriptor's mutex held
 * Return: 0 or an error as in <uapi/linux/bao.h>
 */
int bao_irqfd_config(struct bao_dm_file *dmf, const struct bao_irqfd *config)
{
	struct file *file;
	int ret;

	lockdep_assert_held(&dmf->mutex);

	if (config->flags & ~BAO_IRQFD_FLAG_DEASSIGN)
		return -EINVAL;

	file = eventfd_fget(config->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);

	if (config->flags & BAO_IRQFD_FLAG_DEASSIGN)
		ret = bao_irqfd_deassign(dmf, file);
	else
		ret = bao_irqfd_assign(dmf, file);
	fput(file);

	return ret;
}

/**
 * bao_irqfds_release() - end all irqfds of a descriptor
 * @dmf: descriptor
 *
 * Context: the descriptor's mutex held; may sleep
 */
void bao_irqfds_release(struct bao_dm_file *dmf)
{
	struct bao_irqfd_entry *entry, *next;

	lockdep_assert_held(&dmf->mutex);

	spin_lock_irq(&dmf->irqfd_lock);
	list_for_each_entry_safe(entry, next, &dmf->irqfds, node)
		bao_irqfd_deactivate(entry);
	spin_unlock_irq(&dmf->irqfd_lock);

	/* Those that were closed before are waited for as well: they use the descriptor */
	flush_workqueue(bao_irqfd_wq);
}

/**
 * bao_irqfd_init() - prepare for irqfds
 *
 * Return: 0 or -ENOMEM
 */
int __init bao_irqfd_init(void)
{
	bao_irqfd_wq = alloc_workqueue("bao-irqfd", WQ_UNBOUND, 0);

	return bao_irqfd_wq ? 0 : -ENOMEM;
}

/**
 * bao_irqfd_exit() - undo bao_irqfd_init()
 */
void bao_irqfd_exit(void)
{
	destroy_workqueue(bao_irqfd_wq);
}
