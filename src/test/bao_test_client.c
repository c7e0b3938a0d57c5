// SPDX-License-Identifier: GPL-2.0
/*
 * A client of the remote-I/O transport, for selftests and as an example
 *
 * Answers a register window of one frontend from the kernel:
 *
 *	0x00 ID		read: BAO_TEST_ID
 *	0x08 SCRATCH	read and write: holds a value
 *	0x10 LATE	read and write: as SCRATCH, but answered from a work item
 *	0x18 PASS	not ours: goes to whoever takes requests from the queue
 *	0x20 SHMEM	read: the 64-bit word at address SCRATCH of the shared-memory window; all
 *			ones outside of the window
 *	0x28 NEVER	not answered until the client goes
 *
 * Everything else reads as 0.
 */
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <linux/bao.h>

#define BAO_TEST_ID		0x62616f2074657374ULL
#define BAO_TEST_REG_ID		0x00
#define BAO_TEST_REG_SCRATCH	0x08
#define BAO_TEST_REG_LATE	0x10
#define BAO_TEST_REG_PASS	0x18
#define BAO_TEST_REG_SHMEM	0x20
#define BAO_TEST_REG_NEVER	0x28

static uint dm;
module_param(dm, uint, 0444);
MODULE_PARM_DESC(dm, "Index of the remote-I/O device");

static ulong window = 0x0a000000;
module_param(window, ulong, 0444);
MODULE_PARM_DESC(window, "Guest-physical address of the frontend's register window");

static ulong size = 0x200;
module_param(size, ulong, 0444);
MODULE_PARM_DESC(size, "Size of the register window in bytes");

/**
 * struct bao_test - the device
 * @ep: endpoint
 * @client: us
 * @range: the register window
 * @lock: protects @late
 * @late: requests that wait for @work
 * @work: answers @late
 * @scratch: value of SCRATCH and LATE; access() and work are not called for a vCPU at the same time
 */
struct bao_test {
	struct bao_endpoint *ep;
	struct bao_client client;
	struct bao_range range;
	spinlock_t lock;	/* protects late */
	struct list_head late;
	struct work_struct work;
	u64 scratch;
};

static struct bao_test bao_test;

static void bao_test_scratch(struct bao_test *test, struct bao_request *req)
{
	if (req->write)
		WRITE_ONCE(test->scratch, req->value);
	else
		req->value = READ_ONCE(test->scratch);
}

/* In the order of arrival, and each once: a request leaves the list before it is completed */
static void bao_test_work(struct work_struct *work)
{
	struct bao_test *test = container_of(work, struct bao_test, work);
	struct bao_request *req;

	spin_lock_irq(&test->lock);
	while ((req = list_first_entry_or_null(&test->late, struct bao_request, node))) {
		list_del(&req->node);
		spin_unlock_irq(&test->lock);

		/* Ours until it is completed */
		bao_test_scratch(test, req);
		bao_request_complete(&test->client, req->id, req->write, req->value);

		spin_lock_irq(&test->lock);
	}
	spin_unlock_irq(&test->lock);
}

static enum bao_access bao_test_late(struct bao_test *test, struct bao_request *req)
{
	enum bao_access ret;
	unsigned long flags;

	/* Under the lock, so that the work does not complete it before it is pended */
	spin_lock_irqsave(&test->lock, flags);
	list_add_tail(&req->node, &test->late);
	ret = bao_request_pend(&test->client, req);
	spin_unlock_irqrestore(&test->lock, flags);
	schedule_work(&test->work);

	return ret;
}

static enum bao_access bao_test_access(struct bao_range *range, struct bao_request *req)
{
	struct bao_test *test = container_of(range, struct bao_test, range);
	void *ptr;

	switch (req->addr - range->addr) {
	case BAO_TEST_REG_ID:
		req->value = BAO_TEST_ID;
		break;
	case BAO_TEST_REG_SCRATCH:
		bao_test_scratch(test, req);
		break;
	case BAO_TEST_REG_LATE:
		return bao_test_late(test, req);
	case BAO_TEST_REG_PASS:
		return BAO_ACCESS_PASS;
	case BAO_TEST_REG_SHMEM:
		ptr = bao_shmem_ptr(test->ep, READ_ONCE(test->scratch), sizeof(u64));
		if (ptr)
			memcpy(&req->value, ptr, sizeof(u64));
		else
			req->value = U64_MAX;
		break;
	case BAO_TEST_REG_NEVER:
		return bao_request_pend(&test->client, req);
	default:
		req->value = 0;
		break;
	}

	return BAO_ACCESS_DONE;
}

static int __init bao_test_init(void)
{
	struct bao_test *test = &bao_test;
	int ret;

	spin_lock_init(&test->lock);
	INIT_LIST_HEAD(&test->late);
	INIT_WORK(&test->work, bao_test_work);

	test->ep = bao_endpoint_find(dm);
	if (!test->ep)
		return -ENODEV;

	ret = bao_shmem_map(test->ep);
	if (ret)
		goto err_put;

	ret = bao_client_attach(test->ep, &test->client);
	if (ret)
		goto err_unmap;

	test->range = (struct bao_range) {
		.kind = BAO_RANGE_WINDOW,
		.addr = window,
		.size = size,
		.access = bao_test_access,
	};
	ret = bao_range_add(&test->client, &test->range);
	if (ret)
		goto err_detach;

	return 0;

err_detach:
	bao_client_detach(&test->client);
err_unmap:
	bao_shmem_unmap(test->ep);
err_put:
	bao_endpoint_put(test->ep);
	return ret;
}
module_init(bao_test_init);

static void __exit bao_test_exit(void)
{
	struct bao_test *test = &bao_test;

	/* No more access(), so nothing enters the list; the work empties it */
	bao_range_del(&test->range);
	flush_work(&test->work);
	/* What was never answered goes back to the queue */
	bao_client_detach(&test->client);
	bao_shmem_unmap(test->ep);
	bao_endpoint_put(test->ep);
}
module_exit(bao_test_exit);

MODULE_DESCRIPTION("Selftest client of the Bao remote-I/O transport");
MODULE_LICENSE("GPL");
