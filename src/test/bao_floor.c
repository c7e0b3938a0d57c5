// SPDX-License-Identifier: GPL-2.0
/*
 * The least that a backend can do, for benchmarks: what an access costs with this driver is what
 * the hypervisor and the interrupt cost; the rest is the price of what a real one does.
 *
 * It asks for each request in the interrupt handler and answers it there with a constant. So it
 * needs the node to itself: "bao" must not be loaded. Nothing bounds what a frontend makes it do.
 */
#include <linux/interrupt.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include <asm/bao.h>

#define BAO_FLOOR_ANSWER 0x74726976

static irqreturn_t bao_floor_interrupt(int irq, void *cookie)
{
	unsigned long dm_id = (unsigned long)cookie;
	struct bao_hypercall_args args;
	unsigned long more;

	do {
		args = (struct bao_hypercall_args) {
			.arg[BAO_REMIO_ARG_DM_ID] = dm_id,
			.arg[BAO_REMIO_ARG_OP] = BAO_REMIO_ASK,
		};
		if (bao_hypercall(BAO_HC_REMIO, &args) != BAO_HC_SUCCESS)
			break;

		more = args.ret[BAO_ASK_RET_MORE];
		args = (struct bao_hypercall_args) {
			.arg[BAO_REMIO_ARG_DM_ID] = dm_id,
			.arg[BAO_REMIO_ARG_ADDR] = args.ret[BAO_ASK_RET_ADDR],
			.arg[BAO_REMIO_ARG_OP] = args.ret[BAO_ASK_RET_OP],
			.arg[BAO_REMIO_ARG_VALUE] = BAO_FLOOR_ANSWER,
			.arg[BAO_REMIO_ARG_REQUEST_ID] = args.ret[BAO_ASK_RET_REQUEST_ID],
		};
		bao_hypercall(BAO_HC_REMIO, &args);
	} while (more);

	return IRQ_HANDLED;
}

static int bao_floor_probe(struct platform_device *pdev)
{
	int nr = platform_irq_count(pdev);
	int i, irq, ret;

	if (nr < 0)
		return nr;

	for (i = 0; i < nr; i++) {
		irq = platform_get_irq(pdev, i);
		if (irq < 0)
			return irq;
		ret = devm_request_irq(&pdev->dev, irq, bao_floor_interrupt, IRQF_NO_THREAD,
				       "bao-floor", (void *)(unsigned long)i);
		if (ret)
			return ret;
	}

	return 0;
}

static const struct of_device_id bao_floor_of_match[] = {
	{ .compatible = "bao,io-dispatcher" },
	{ }
};

/* No MODULE_DEVICE_TABLE: this is never what a device wants */
static struct platform_driver bao_floor_driver = {
	.probe = bao_floor_probe,
	.driver = {
		.name = "bao-floor",
		.of_match_table = bao_floor_of_match,
	},
};
module_platform_driver(bao_floor_driver);

MODULE_DESCRIPTION("The least that answers remote I/O of the Bao hypervisor, for benchmarks");
MODULE_LICENSE("GPL");
