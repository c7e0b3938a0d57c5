// SPDX-License-Identifier: GPL-2.0
/*
 * A simulated Bao hypervisor for tests: /dev/bao-sim, see bao_sim.h
 */
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "sim.h"

/**
 * struct sim_file - a hypervisor
 * @mutex: protects @dev and @ipc
 * @dev: devices in no order
 * @ipc: channels by id
 */
struct sim_file {
	struct mutex mutex;	/* protects dev, ipc */
	struct sim_device *dev[BAO_SIM_DEVICES];
	struct sim_ipc *ipc[BAO_SIM_IPCS];
};

static struct miscdevice sim_misc;

static struct sim_device **sim_slot(struct sim_file *sim, u32 dm_id)
{
	unsigned int i;

	lockdep_assert_held(&sim->mutex);

	for (i = 0; i < BAO_SIM_DEVICES; i++)
		if (sim->dev[i] && sim->dev[i]->dm_id == dm_id)
			return &sim->dev[i];

	return NULL;
}

/* With a reference, so that it can be used without the mutex; NULL if there is none */
static struct sim_device *sim_find(struct sim_file *sim, u32 dm_id)
{
	struct sim_device **slot, *dev = NULL;

	mutex_lock(&sim->mutex);
	slot = sim_slot(sim, dm_id);
	if (slot) {
		dev = *slot;
		sim_device_get(dev);
	}
	mutex_unlock(&sim->mutex);

	return dev;
}

static int sim_insert(struct sim_file *sim, struct sim_device *dev)
{
	int ret = -ENOSPC;
	unsigned int i;

	mutex_lock(&sim->mutex);
	if (sim_slot(sim, dev->dm_id)) {
		ret = -EEXIST;
	} else {
		for (i = 0; ret && i < BAO_SIM_DEVICES; i++) {
			if (!sim->dev[i]) {
				sim->dev[i] = dev;
				ret = 0;
			}
		}
	}
	mutex_unlock(&sim->mutex);

	return ret;
}

static int sim_ioctl_add(struct sim_file *sim, struct bao_sim_device __user *arg)
{
	struct bao_sim_device args;
	struct sim_device *dev;
	int ret;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.dm_id >= BAO_SIM_DEVICES)
		return -EINVAL;
	dev = sim_device_create(&args);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (copy_to_user(arg, &args, sizeof(args)))
		ret = -EFAULT;
	else
		ret = sim_insert(sim, dev);
	if (ret)
		sim_device_put(dev);

	return ret;
}

static int sim_ioctl_del(struct sim_file *sim, u32 dm_id)
{
	struct sim_device **slot, *dev = NULL;

	mutex_lock(&sim->mutex);
	slot = sim_slot(sim, dm_id);
	if (slot) {
		dev = *slot;
		*slot = NULL;
	}
	mutex_unlock(&sim->mutex);
	if (!dev)
		return -ENOENT;

	sim_device_remove(dev);

	return 0;
}

static int sim_ioctl_start(struct sim_device *dev, const struct bao_sim_access *access)
{
	if (access->vcpu >= BAO_SIM_VCPUS || access->op > BAO_REMIO_READ || access->reserved)
		return -EINVAL;
	sim_start(dev, access);

	return 0;
}

static int sim_ioctl_fault(struct sim_device *dev, const struct bao_sim_fault *fault)
{
	if (fault->point >= BAO_SIM_NR_POINTS)
		return -EINVAL;
	sim_inject(dev, fault);

	return 0;
}

static void sim_ioctl_raise(struct sim_device *dev)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&dev->lock, flags);
	sim_raise_now(dev);
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/* Channels */

static struct sim_ipc *sim_ipc_find(struct sim_file *sim, u32 id)
{
	struct sim_ipc *ipc = NULL;

	if (id >= BAO_SIM_IPCS)
		return NULL;

	mutex_lock(&sim->mutex);
	ipc = sim->ipc[id];
	if (ipc)
		sim_ipc_get(ipc);
	mutex_unlock(&sim->mutex);

	return ipc;
}

static int sim_ioctl_ipc_add(struct sim_file *sim, struct bao_sim_ipc __user *arg)
{
	struct bao_sim_ipc config;
	struct sim_ipc *ipc;
	int ret = 0;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;
	if (config.id >= BAO_SIM_IPCS)
		return -EINVAL;
	ipc = sim_ipc_create(&config);
	if (IS_ERR(ipc))
		return PTR_ERR(ipc);

	/* Not with the mutex held, which sim_mmap() takes */
	if (copy_to_user(arg, &config, sizeof(config))) {
		sim_ipc_put(ipc);
		return -EFAULT;
	}

	mutex_lock(&sim->mutex);
	if (sim->ipc[config.id])
		ret = -EEXIST;
	else
		sim->ipc[config.id] = ipc;
	mutex_unlock(&sim->mutex);
	if (ret)
		sim_ipc_put(ipc);

	return ret;
}

static int sim_ioctl_ipc_del(struct sim_file *sim, u32 id)
{
	struct sim_ipc *ipc;

	mutex_lock(&sim->mutex);
	ipc = sim->ipc[id];
	sim->ipc[id] = NULL;
	mutex_unlock(&sim->mutex);
	/* Another thread may have been faster */
	if (!ipc)
		return -ENOENT;
	sim_ipc_remove(ipc);

	return 0;
}

/* All but ADD and DEL; their arguments begin with an index */
union sim_args {
	u32 id;
	struct bao_sim_life life;
	struct bao_sim_access access;
	struct bao_sim_vcpu vcpu;
	struct bao_sim_wait wait;
	struct bao_sim_counters counters;
	struct bao_sim_fault fault;
	struct bao_sim_ipc_ring ipc_ring;
	struct bao_sim_ipc_wait ipc_wait;
	struct bao_sim_ipc_counters ipc_counters;
};

static int sim_ipc_ioctl(struct sim_ipc *ipc, unsigned int cmd, union sim_args *args)
{
	switch (cmd) {
	case BAO_SIM_IPC_LIFE:
		return sim_ipc_life(ipc, sim_misc.this_device, args->life.event);
	case BAO_SIM_IPC_RING:
		return sim_ipc_ring(ipc, &args->ipc_ring);
	case BAO_SIM_IPC_WAIT:
		return sim_ipc_wait(ipc, &args->ipc_wait);
	case BAO_SIM_IPC_COUNTERS:
		sim_ipc_read_counters(ipc, &args->ipc_counters);
		return 0;
	case BAO_SIM_IPC_FAULT:
		return sim_ipc_inject(ipc, &args->fault);
	default:
		return -ENOTTY;
	}
}

static int sim_device_ioctl(struct sim_device *dev, unsigned int cmd, union sim_args *args)
{
	switch (cmd) {
	case BAO_SIM_LIFE:
		return sim_device_life(dev, sim_misc.this_device, args->life.event);
	case BAO_SIM_START:
		return sim_ioctl_start(dev, &args->access);
	case BAO_SIM_STOP:
		if (args->vcpu.vcpu >= BAO_SIM_VCPUS)
			return -EINVAL;
		sim_stop(dev, args->vcpu.vcpu);
		return 0;
	case BAO_SIM_VCPU:
		if (args->vcpu.vcpu >= BAO_SIM_VCPUS)
			return -EINVAL;
		sim_read_vcpu(dev, &args->vcpu);
		return 0;
	case BAO_SIM_WAIT:
		if (args->wait.vcpu >= BAO_SIM_VCPUS)
			return -EINVAL;
		return sim_wait(dev, &args->wait);
	case BAO_SIM_COUNTERS:
		sim_read_counters(dev, &args->counters);
		return 0;
	case BAO_SIM_RESET:
		sim_reset_counters(dev);
		return 0;
	case BAO_SIM_FAULT:
		return sim_ioctl_fault(dev, &args->fault);
	case BAO_SIM_RAISE:
		sim_ioctl_raise(dev);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int sim_call_ipc(struct sim_file *sim, unsigned int cmd, union sim_args *args)
{
	struct sim_ipc *ipc = sim_ipc_find(sim, args->id);
	int ret;

	if (!ipc)
		return -ENOENT;
	if (cmd == BAO_SIM_IPC_DEL)
		ret = sim_ioctl_ipc_del(sim, args->id);
	else
		ret = sim_ipc_ioctl(ipc, cmd, args);
	sim_ipc_put(ipc);

	return ret;
}

static int sim_call_device(struct sim_file *sim, unsigned int cmd, union sim_args *args)
{
	struct sim_device *dev;
	int ret;

	if (cmd == BAO_SIM_DEL)
		return sim_ioctl_del(sim, args->id);
	dev = sim_find(sim, args->id);
	if (!dev)
		return -ENOENT;
	ret = sim_device_ioctl(dev, cmd, args);
	sim_device_put(dev);

	return ret;
}

static long sim_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sim_file *sim = file->private_data;
	void __user *uarg = (void __user *)arg;
	union sim_args args = {};
	int ret;

	if (cmd == BAO_SIM_ADD)
		return sim_ioctl_add(sim, uarg);
	if (cmd == BAO_SIM_IPC_ADD)
		return sim_ioctl_ipc_add(sim, uarg);
	if (_IOC_TYPE(cmd) != BAO_SIM_TYPE || _IOC_SIZE(cmd) > sizeof(args))
		return -ENOTTY;
	if (copy_from_user(&args, uarg, _IOC_SIZE(cmd)))
		return -EFAULT;
	if (_IOC_NR(cmd) >= _IOC_NR(BAO_SIM_IPC_ADD))
		ret = sim_call_ipc(sim, cmd, &args);
	else
		ret = sim_call_device(sim, cmd, &args);
	if (!ret && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(uarg, &args, _IOC_SIZE(cmd)))
		return -EFAULT;

	return ret;
}

static void sim_vma_open(struct vm_area_struct *vma)
{
	sim_device_get(vma->vm_private_data);
}

static void sim_vma_close(struct vm_area_struct *vma)
{
	sim_device_put(vma->vm_private_data);
}

static const struct vm_operations_struct sim_vm_ops = {
	.open = sim_vma_open,
	.close = sim_vma_close,
};

static void sim_ipc_vma_open(struct vm_area_struct *vma)
{
	sim_ipc_get(vma->vm_private_data);
}

static void sim_ipc_vma_close(struct vm_area_struct *vma)
{
	sim_ipc_put(vma->vm_private_data);
}

static const struct vm_operations_struct sim_ipc_vm_ops = {
	.open = sim_ipc_vma_open,
	.close = sim_ipc_vma_close,
};

static int sim_ipc_mmap(struct file *file, struct vm_area_struct *vma)
{
	const unsigned long max = BAO_SIM_WINDOW_MAX >> PAGE_SHIFT;
	unsigned long len = vma->vm_end - vma->vm_start;
	unsigned long offset = vma->vm_pgoff % max;
	struct sim_ipc *ipc;
	int ret = -EINVAL;

	ipc = sim_ipc_find(file->private_data, vma->vm_pgoff / max - BAO_SIM_DEVICES);
	if (!ipc)
		return -ENOENT;
	if (vma->vm_flags & VM_SHARED && (offset << PAGE_SHIFT) + len <= ipc->config.size)
		ret = remap_pfn_range(vma, vma->vm_start,
				      PHYS_PFN(virt_to_phys(ipc->memory)) + offset, len,
				      vma->vm_page_prot);
	if (ret) {
		sim_ipc_put(ipc);
		return ret;
	}
	vma->vm_private_data = ipc;
	vma->vm_ops = &sim_ipc_vm_ops;

	return 0;
}

static int sim_mmap(struct file *file, struct vm_area_struct *vma)
{
	const unsigned long max = BAO_SIM_WINDOW_MAX >> PAGE_SHIFT;
	unsigned long len = vma->vm_end - vma->vm_start;
	unsigned long offset = vma->vm_pgoff % max;
	struct sim_device *dev;
	int ret = -EINVAL;

	if (vma->vm_pgoff / max >= BAO_SIM_DEVICES)
		return sim_ipc_mmap(file, vma);

	dev = sim_find(file->private_data, vma->vm_pgoff / max);
	if (!dev)
		return -ENOENT;
	if (vma->vm_flags & VM_SHARED && (offset << PAGE_SHIFT) + len <= dev->size)
		ret = remap_pfn_range(vma, vma->vm_start,
				      PHYS_PFN(virt_to_phys(dev->window)) + offset, len,
				      vma->vm_page_prot);
	if (ret) {
		sim_device_put(dev);
		return ret;
	}
	vma->vm_private_data = dev;
	vma->vm_ops = &sim_vm_ops;

	return 0;
}

static int sim_open(struct inode *inode, struct file *file)
{
	struct sim_file *sim = kzalloc(sizeof(*sim), GFP_KERNEL);

	if (!sim)
		return -ENOMEM;
	mutex_init(&sim->mutex);
	file->private_data = sim;

	return 0;
}

static int sim_close(struct inode *inode, struct file *file)
{
	struct sim_file *sim = file->private_data;
	unsigned int i;

	for (i = 0; i < BAO_SIM_DEVICES; i++)
		if (sim->dev[i])
			sim_device_remove(sim->dev[i]);
	for (i = 0; i < BAO_SIM_IPCS; i++)
		if (sim->ipc[i])
			sim_ipc_remove(sim->ipc[i]);
	mutex_destroy(&sim->mutex);
	kfree(sim);

	return 0;
}

static const struct file_operations sim_fops = {
	.owner = THIS_MODULE,
	.open = sim_open,
	.release = sim_close,
	.unlocked_ioctl = sim_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = sim_mmap,
	.llseek = noop_llseek,
};

static struct miscdevice sim_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bao-sim",
	.fops = &sim_fops,
	.mode = 0600,
};

static int __init sim_init(void)
{
	int ret;

	ret = sim_irq_init();
	if (ret)
		return ret;

	ret = misc_register(&sim_misc);
	if (ret)
		sim_irq_exit();

	return ret;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	misc_deregister(&sim_misc);
	sim_irq_exit();
}
module_exit(sim_exit);

MODULE_DESCRIPTION("Simulated Bao hypervisor for tests");
MODULE_LICENSE("GPL");
