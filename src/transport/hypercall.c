// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls to a real Bao, and how to tell that there is one
 */
#include <linux/device.h>

#include <asm/bao.h>

#if IS_ENABLED(CONFIG_ARM)
#include <asm/cputype.h>
#elif IS_ENABLED(CONFIG_ARM64)
#include <asm/cpufeature.h>
#endif

#include "transport.h"

static long bao_native_call(const struct bao_hypercall_ops *ops, unsigned int function,
			    struct bao_hypercall_args *args)
{
	return bao_hypercall(function, args);
}

const struct bao_hypercall_ops bao_native_ops = {
	.call = bao_native_call,
};

/*
 * Without an EL2, HVC is an undefined instruction. Most of Bao's platforms report no SMCCC version,
 * so there is no conduit to ask; but Bao does not hide from its guests that the CPU has an EL2.
 * Other hypervisors do, and report their conduit.
 */
#if IS_ENABLED(CONFIG_ARM64)
static bool bao_can_call(void)
{
	u64 pfr0 = read_sanitised_ftr_reg(SYS_ID_AA64PFR0_EL1);

	return arm_smccc_1_1_get_conduit() == SMCCC_CONDUIT_HVC ||
	       cpuid_feature_extract_unsigned_field(pfr0, ID_AA64PFR0_EL1_EL2_SHIFT);
}
#elif IS_ENABLED(CONFIG_ARM)
static bool bao_can_call(void)
{
	/* Virtualization Extensions */
	return arm_smccc_1_1_get_conduit() == SMCCC_CONDUIT_HVC ||
	       cpuid_feature_extract(CPUID_EXT_PFR1, 12) > 0;
}
#else
static bool bao_can_call(void)
{
	/* An unknown SBI call is an error, never a fault */
	return true;
}
#endif

/* No side effect, whether there is something of this index or not; Bao's code */
static long bao_probe_index(unsigned int function, unsigned long id)
{
	struct bao_hypercall_args args = {};

	if (function == BAO_HC_IPC) {
		args.arg[BAO_IPC_ARG_ID] = id;
		/* An event that nobody has, however many bits of it count */
		args.arg[BAO_IPC_ARG_EVENT] = ULONG_MAX;
	} else {
		args.arg[BAO_REMIO_ARG_DM_ID] = id;
		args.arg[BAO_REMIO_ARG_OP] = BAO_REMIO_WRITE;
		/* A request that there is not. -1 would have a meaning. */
		args.arg[BAO_REMIO_ARG_REQUEST_ID] = INT_MAX;
	}

	return bao_hypercall(function, &args);
}

/**
 * bao_detect() - make sure that the hypervisor is Bao
 * @dev: device whose devicetree node says so
 * @function: what is needed of it, BAO_HC_*
 *
 * Bao has no call that identifies it. It is taken for Bao if it refuses a device or channel that
 * cannot exist in the way that only Bao does.
 *
 * Context: may sleep
 * Return: 0 or -ENODEV
 */
int bao_detect(struct device *dev, unsigned int function)
{
	if (bao_can_call() && bao_probe_index(function, ULONG_MAX) == BAO_HC_INVAL_ARGS)
		return 0;

	dev_err(dev, "not running on the Bao hypervisor, or on one without %s\n",
		function == BAO_HC_IPC ? "IPC" : "remote I/O");

	return -ENODEV;
}

/**
 * bao_has() - ask the hypervisor whether it has a device or channel for this VM
 * @function: which, BAO_HC_*
 * @id: its index
 *
 * Context: may sleep; bao_detect() has succeeded
 * Return: true if so
 */
bool bao_has(unsigned int function, u32 id)
{
	return bao_probe_index(function, id) != BAO_HC_INVAL_ARGS;
}
