// SPDX-License-Identifier: GPL-2.0
/*
 * A user of an IPC channel in the kernel, for selftests and as an example
 *
 * Copies the first BAO_TEST_LEN bytes of what this VM reads to what it writes, inverted, and rings
 * the event that it has heard. With mailbox=1 it does so by the mailbox framework, and hears event
 * 0 only.
 */
#include <linux/bitops.h>
#include <linux/mailbox_client.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include <linux/bao_ipc.h>

#define BAO_TEST_LEN	64

static uint ipc;
module_param(ipc, uint, 0444);
MODULE_PARM_DESC(ipc, "Index of the IPC channel");

static bool mailbox;
module_param(mailbox, bool, 0444);
MODULE_PARM_DESC(mailbox, "Use the channel by the mailbox framework");

/**
 * struct bao_test_ipc - the user
 * @ipc: channel, unless by a mailbox
 * @client: us
 * @dev: what the mailbox framework knows us by
 * @mbox: us, to it
 * @chan: mailbox
 * @mapped: @memory is, unless by a mailbox
 * @memory: memory of the channel
 * @events: that were heard
 * @work: answers them, while @ready
 * @ready: what the work uses is there
 */
struct bao_test_ipc {
	struct bao_ipc *ipc;
	struct bao_ipc_client client;
	struct device *dev;
	struct mbox_client mbox;
	struct mbox_chan *chan;
	bool mapped;
	struct bao_ipc_memory memory;
	unsigned long events;
	struct work_struct work;
	bool ready;
};

static struct bao_test_ipc bao_test;

/* What was heard before is answered now */
static void bao_test_start(struct bao_test_ipc *test)
{
	/* Pairs with the one in bao_test_work() */
	smp_store_release(&test->ready, true);
	schedule_work(&test->work);
}

/* When this returns, the work uses nothing, though doorbells may still schedule it */
static void bao_test_stop(struct bao_test_ipc *test)
{
	WRITE_ONCE(test->ready, false);
	cancel_work_sync(&test->work);
}

static int bao_test_notify(struct bao_test_ipc *test, unsigned int event)
{
	if (!test->chan)
		return bao_ipc_ring(&test->client, event);
	/* What is sent is the doorbell; the message only has to be one */
	return min(mbox_send_message(test->chan, test), 0);
}

static void bao_test_work(struct work_struct *work)
{
	struct bao_test_ipc *test = container_of(work, struct bao_test_ipc, work);
	const u8 *rx;
	unsigned int event, i;
	u8 *tx;

	/* Doorbells come as soon as there is a client, so maybe before the rest of it */
	if (!smp_load_acquire(&test->ready))
		return;

	rx = test->memory.rx;
	tx = test->memory.tx;
	for (event = 0; event < BAO_IPC_MAX_EVENTS; event++) {
		if (!test_and_clear_bit(event, &test->events))
			continue;
		for (i = 0; i < BAO_TEST_LEN; i++)
			WRITE_ONCE(tx[i], ~READ_ONCE(rx[i]));
		bao_test_notify(test, event);
	}
}

static void bao_test_doorbell(struct bao_ipc_client *client, unsigned int event)
{
	struct bao_test_ipc *test = container_of(client, struct bao_test_ipc, client);

	set_bit(event, &test->events);
	schedule_work(&test->work);
}

static void bao_test_received(struct mbox_client *mbox, void *message)
{
	bao_test_doorbell(&container_of(mbox, struct bao_test_ipc, mbox)->client, 0);
}

static void bao_test_unmap(struct bao_test_ipc *test)
{
	if (test->mapped)
		bao_ipc_unmap(test->ipc);
	test->mapped = false;
}

static void bao_test_gone(struct bao_ipc_client *client)
{
	struct bao_test_ipc *test = container_of(client, struct bao_test_ipc, client);

	bao_test_stop(test);
	bao_test_unmap(test);
}

static int bao_test_claim(struct bao_test_ipc *test)
{
	int ret;

	test->ipc = bao_ipc_find(ipc);
	if (!test->ipc)
		return -ENODEV;
	ret = bao_ipc_map(test->ipc, &test->memory);
	if (ret)
		goto err_put;
	test->mapped = true;
	test->client.doorbell = bao_test_doorbell;
	test->client.gone = bao_test_gone;
	/* Before gone() may come, which stops it */
	bao_test_start(test);
	ret = bao_ipc_claim(test->ipc, &test->client);
	if (!ret)
		return 0;
	bao_test_stop(test);
	/* For the selftest: who has no channel cannot ring */
	if (bao_ipc_ring(&test->client, 0) != -ENODEV)
		ret = -EPROTO;
	bao_test_unmap(test);
err_put:
	bao_ipc_put(test->ipc);
	return ret;
}

#if IS_ENABLED(CONFIG_BAO_MAILBOX)
static int bao_test_request(struct bao_test_ipc *test)
{
	struct mbox_chan *chan;
	int ret;

	test->dev = root_device_register("bao-test-ipc");
	if (IS_ERR(test->dev))
		return PTR_ERR(test->dev);
	test->mbox.dev = test->dev;
	test->mbox.rx_callback = bao_test_received;
	chan = bao_mailbox_request(&test->mbox, ipc, 0);
	ret = PTR_ERR_OR_ZERO(chan);
	if (ret)
		goto err_device;
	ret = bao_mailbox_memory(chan, &test->memory);
	if (ret)
		goto err_free;
	test->chan = chan;
	bao_test_start(test);

	return 0;

err_free:
	bao_mailbox_free(chan);
	cancel_work_sync(&test->work);
err_device:
	root_device_unregister(test->dev);
	return ret;
}

static void bao_test_free(struct bao_test_ipc *test)
{
	bao_mailbox_free(test->chan);
	root_device_unregister(test->dev);
}
#else
static int bao_test_request(struct bao_test_ipc *test)
{
	return -EOPNOTSUPP;
}

static void bao_test_free(struct bao_test_ipc *test)
{
}
#endif

static void bao_test_release(struct bao_test_ipc *test)
{
	bao_ipc_release(&test->client);
	/* gone() does not come any more */
	bao_test_unmap(test);
	bao_ipc_put(test->ipc);
}

static int __init bao_test_ipc_init(void)
{
	struct bao_test_ipc *test = &bao_test;

	INIT_WORK(&test->work, bao_test_work);

	return mailbox ? bao_test_request(test) : bao_test_claim(test);
}
module_init(bao_test_ipc_init);

static void __exit bao_test_ipc_exit(void)
{
	struct bao_test_ipc *test = &bao_test;

	bao_test_stop(test);
	if (mailbox)
		bao_test_free(test);
	else
		bao_test_release(test);
	/* No more doorbells, so the work is not scheduled any more */
	cancel_work_sync(&test->work);
}
module_exit(bao_test_ipc_exit);

MODULE_DESCRIPTION("Selftest user of IPC channels of the Bao hypervisor");
MODULE_LICENSE("GPL");
