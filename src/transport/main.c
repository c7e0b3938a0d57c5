// SPDX-License-Identifier: GPL-2.0
/*
 * Remote-I/O transport of the Bao hypervisor
 */
#include <linux/module.h>

#include "transport.h"

/*
 * Where endpoints go on when a frontend asks for more than an interrupt may give: threads of normal
 * priority on any CPU, so that the scheduler decides what else runs.
 */
struct workqueue_struct *bao_wq;

static int __init bao_init(void)
{
	int ret;

	bao_wq = alloc_workqueue("bao", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!bao_wq)
		return -ENOMEM;

	ret = bao_native_register();
	if (ret)
		destroy_workqueue(bao_wq);

	return ret;
}
module_init(bao_init);

static void __exit bao_exit(void)
{
	bao_native_unregister();
	bao_devices_wait();
	destroy_workqueue(bao_wq);
}
module_exit(bao_exit);

MODULE_DESCRIPTION("Remote-I/O transport of the Bao hypervisor");
MODULE_LICENSE("GPL");
