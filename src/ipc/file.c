// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors of IPC channels. The ABI, with all errors, is in <uapi/linux/bao.h>.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "ipc.h"

static int bao_ipc_open(struct inode *inode, struct file *file)
{
	struct bao_ipc_chan *chan;
	struct bao_ipc_file *bf;

	bf = kzalloc(sizeof(*bf), GFP_KERNEL_ACCOUNT);
	if (!bf)
		return -ENOMEM;

	/* Misc devices come with themselves in here */
	chan = bao_ipc_chan_open(file->private_data);
	if (IS_ERR(chan)) {
		kfree(bf);
		return PTR_ERR(chan);
	}
	bf->chan = chan;
	file->private_data = bf;

	return 0;
}

static int bao_ipc_close(struct inode *inode, struct file *file)
{
	struct bao_ipc_file *bf = file->private_data;

	bao_ipc_eventfds_release(bf);
	bao_ipc_chan_close(bf->chan);
	kfree(bf);

	return 0;
}

static ssize_t bao_ipc_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct bao_ipc_file *bf = iocb->ki_filp->private_data;
	struct bao_ipc_chan *chan = bf->chan;
	const struct bao_ipc_memory *memory = &chan->memory;
	size_t count, copied;
	u32 seen;

	if (bao_ipc_dead(chan))
		return -ENODEV;
	/* Before the bytes are read: a doorbell for later ones is not to be taken for seen */
	seen = bao_ipc_see(bf, bf->read, bao_ipc_all_events(chan), NULL);
	/* And after what the caller has read before: other VMs write in order */
	virt_rmb();
	if (iocb->ki_pos >= memory->rx_size)
		return 0;

	count = min_t(size_t, iov_iter_count(to), memory->rx_size - iocb->ki_pos);
	copied = copy_to_iter(memory->rx + iocb->ki_pos, count, to);
	if (count && !copied) {
		bao_ipc_unsee(bf, bf->read, seen);
		return -EFAULT;
	}
	iocb->ki_pos += copied;

	return copied;
}

static ssize_t bao_ipc_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct bao_ipc_file *bf = iocb->ki_filp->private_data;
	struct bao_ipc_chan *chan = bf->chan;
	const struct bao_ipc_memory *memory = &chan->memory;
	size_t count = iov_iter_count(from), copied = 0;
	int ret;

	if (bao_ipc_dead(chan))
		return -ENODEV;
	if (count) {
		if (iocb->ki_pos >= memory->tx_size)
			return -ENOSPC;
		count = min_t(size_t, count, memory->tx_size - iocb->ki_pos);
		/* Unlike copy_from_user(), it leaves alone what follows the bytes it could copy */
		copied = copy_from_iter(memory->tx + iocb->ki_pos, count, from);
		if (!copied)
			return -EFAULT;
	}

	ret = bao_ipc_ring(&chan->client, 0);
	if (ret)
		return ret;
	iocb->ki_pos += copied;

	return copied;
}

static loff_t bao_ipc_llseek(struct file *file, loff_t offset, int whence)
{
	struct bao_ipc_file *bf = file->private_data;
	const struct bao_ipc_memory *memory = &bf->chan->memory;

	return fixed_size_llseek(file, offset, whence, max(memory->rx_size, memory->tx_size));
}

static __poll_t bao_ipc_poll(struct file *file, poll_table *wait)
{
	struct bao_ipc_file *bf = file->private_data;
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;
	u32 all = bao_ipc_all_events(bf->chan);

	poll_wait(file, &bf->chan->wait, wait);
	if (bao_ipc_dead(bf->chan))
		return EPOLLERR | EPOLLHUP;
	/* Without interrupts there is nothing to wait for */
	if (!all || bao_ipc_unseen(bf, all))
		mask |= EPOLLIN | EPOLLRDNORM;

	return mask;
}

/* Where a region begins in mappings; of the one behind the last, where they end */
static u64 bao_ipc_map_offset(const struct bao_ipc_desc *desc, unsigned int region)
{
	u64 offset = 0;
	unsigned int i;

	for (i = 0; i < region; i++)
		offset += ALIGN(desc->region[i].size, PAGE_SIZE);

	return offset;
}

/*
 * The memory may have no struct pages, so its frames are mapped as they are, with the protection of
 * ordinary memory. A page that is not all ours is not mapped. The mapping may outlive the channel:
 * the memory stays, it is this VM's.
 */
static int bao_ipc_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bao_ipc_file *bf = file->private_data;
	const struct bao_ipc_desc *desc = bao_ipc_describe(bf->chan->ipc);
	unsigned long len = vma->vm_end - vma->vm_start;
	const struct bao_ipc_region *region;
	u64 first, pages;
	unsigned int i;

	if (bao_ipc_dead(bf->chan))
		return -ENODEV;
	/* Of a descriptor that is not open for writing, VM_SHARED has been cleared, but not this */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;

	for (i = 0; i < desc->nr_regions; i++) {
		region = &desc->region[i];
		first = bao_ipc_map_offset(desc, i) >> PAGE_SHIFT;
		pages = region->size >> PAGE_SHIFT;
		if (vma->vm_pgoff < first || vma->vm_pgoff - first >= pages)
			continue;
		if (!PAGE_ALIGNED(region->start) ||
		    len >> PAGE_SHIFT > pages - (vma->vm_pgoff - first))
			return -EINVAL;
		return remap_pfn_range(vma, vma->vm_start,
				       PHYS_PFN(region->start) + (vma->vm_pgoff - first), len,
				       vma->vm_page_prot);
	}

	return -EINVAL;
}

static u64 bao_ipc_part_offset(const struct bao_ipc_desc *desc, const struct bao_ipc_region *part)
{
	const struct bao_ipc_region *region;
	unsigned int i;

	for (i = 0; i < desc->nr_regions - 1; i++) {
		region = &desc->region[i];
		if (part->start >= region->start && part->start - region->start < region->size)
			break;
	}

	return bao_ipc_map_offset(desc, i) + (part->start - desc->region[i].start);
}

static int bao_ipc_ioctl_info(struct bao_ipc_file *bf, struct bao_ipc_info __user *arg)
{
	const struct bao_ipc_desc *desc = bao_ipc_describe(bf->chan->ipc);
	const struct bao_ipc_info info = {
		.id = desc->id,
		.events = desc->nr_events,
		.map_size = bao_ipc_map_offset(desc, desc->nr_regions),
		.rx_offset = bao_ipc_part_offset(desc, &desc->rx),
		.rx_size = desc->rx.size,
		.tx_offset = bao_ipc_part_offset(desc, &desc->tx),
		.tx_size = desc->tx.size,
	};

	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static bool bao_ipc_tell(struct bao_ipc_file *bf, u32 events, struct bao_ipc_wait *wait)
{
	wait->events = bao_ipc_see(bf, bf->waited, events, &wait->seq);

	return wait->events;
}

static int bao_ipc_sleep(struct bao_ipc_file *bf, struct bao_ipc_wait *wait, bool nonblock)
{
	struct bao_ipc_chan *chan = bf->chan;
	u32 events = wait->events;
	int ret;

	if (bao_ipc_tell(bf, events, wait))
		return 0;
	if (nonblock)
		return -EAGAIN;
	ret = wait_event_interruptible(chan->wait,
				       bao_ipc_dead(chan) || bao_ipc_tell(bf, events, wait));
	if (ret)
		return ret;

	return wait->events ? 0 : -ENODEV;
}

static int bao_ipc_ioctl_wait(struct file *file, struct bao_ipc_wait __user *arg)
{
	struct bao_ipc_file *bf = file->private_data;
	u32 all = bao_ipc_all_events(bf->chan);
	struct bao_ipc_wait wait;
	int ret;

	if (copy_from_user(&wait, arg, sizeof(wait)))
		return -EFAULT;
	if (wait.reserved)
		return -EINVAL;
	if (!all)
		return -EOPNOTSUPP;
	if (!wait.events || wait.events & ~all)
		return -EINVAL;

	ret = bao_ipc_sleep(bf, &wait, file->f_flags & O_NONBLOCK);
	if (ret)
		return ret;
	if (copy_to_user(arg, &wait, sizeof(wait))) {
		bao_ipc_unsee(bf, bf->waited, wait.events);
		return -EFAULT;
	}

	return 0;
}

static int bao_ipc_ioctl_notify(struct file *file, const struct bao_ipc_notify __user *arg)
{
	struct bao_ipc_file *bf = file->private_data;
	struct bao_ipc_notify notify;

	if (copy_from_user(&notify, arg, sizeof(notify)))
		return -EFAULT;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (notify.reserved)
		return -EINVAL;

	return bao_ipc_ring(&bf->chan->client, notify.event);
}

static int bao_ipc_ioctl_eventfd(struct bao_ipc_file *bf, const struct bao_ipc_eventfd __user *arg)
{
	struct bao_ipc_eventfd config;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;

	return bao_ipc_eventfd_config(bf, &config);
}

static long bao_ipc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bao_ipc_file *bf = file->private_data;
	void __user *uarg = (void __user *)arg;

	if (bao_ipc_dead(bf->chan))
		return -ENODEV;

	switch (cmd) {
	case BAO_IOCTL_IPC_GET_INFO:
		return bao_ipc_ioctl_info(bf, uarg);
	case BAO_IOCTL_IPC_WAIT:
		return bao_ipc_ioctl_wait(file, uarg);
	case BAO_IOCTL_IPC_NOTIFY:
		return bao_ipc_ioctl_notify(file, uarg);
	case BAO_IOCTL_IPC_EVENTFD:
		return bao_ipc_ioctl_eventfd(bf, uarg);
	default:
		return -ENOTTY;
	}
}

const struct file_operations bao_ipc_fops = {
	.owner = THIS_MODULE,
	.open = bao_ipc_open,
	.release = bao_ipc_close,
	.read_iter = bao_ipc_read_iter,
	.write_iter = bao_ipc_write_iter,
	.llseek = bao_ipc_llseek,
	.poll = bao_ipc_poll,
	.mmap = bao_ipc_mmap,
	.unlocked_ioctl = bao_ipc_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
