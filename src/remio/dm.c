// SPDX-License-Identifier: GPL-2.0
/*
 * DM descriptors: requests of one device model, and its shared-memory window
 */
#include <linux/anon_inodes.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "remio.h"

static int bao_dm_is_file(const void *file, struct file *other, unsigned int fd)
{
	return file == other ? fd + 1 : 0;
}

/* Where a process has a file open: the number of the descriptor and 1; 0 if nowhere */
static int bao_dm_find_file(struct files_struct *files, struct file *file)
{
	return iterate_fd(files, 0, bao_dm_is_file, file);
}

/* Whether a process can answer what it took from a descriptor, by having it open */
static bool bao_dm_has_file(struct files_struct *files, struct file *file)
{
	/* In exit the last user is gone, but the entries may still be there */
	return files && atomic_read(&files->count) && bao_dm_find_file(files, file);
}

/*
 * The same for the process that runs, most of the time without a walk through its descriptors. It
 * may be told of one that another thread is just closing, but not of one whose ->flush() has been
 * in queue_lock before we took the request: that came after the entry was cleared.
 */
static bool bao_dm_current_has_file(struct bao_dm_file *dmf, struct file *file)
{
	unsigned int fd = READ_ONCE(dmf->last_fd);
	const struct fdtable *fdt;
	bool found;
	int ret;

	rcu_read_lock();
	fdt = files_fdtable(current->files);
	found = fd < fdt->max_fds && rcu_access_pointer(fdt->fd[fd]) == file;
	rcu_read_unlock();
	if (likely(found))
		return true;

	ret = bao_dm_find_file(current->files, file);
	if (ret)
		WRITE_ONCE(dmf->last_fd, ret - 1);

	return ret;
}

/*
 * Whether the structure can be read and written field by field, without a copy on the stack, which
 * costs as much again. Where it is not aligned, some processors trap, and a kernel that handles
 * that for itself need not do so for accesses to user space.
 */
static bool bao_dm_by_fields(const struct bao_virtio_request __user *arg)
{
	return IS_ALIGNED((unsigned long)arg, sizeof(u64));
}

/* It lies in two pages at most, and op in the first part: if this fails, op is unchanged */
static int bao_dm_put_copy(const struct bao_virtio_request *out,
			   struct bao_virtio_request __user *arg)
{
	const size_t first = offsetof(struct bao_virtio_request, value);

	if (copy_to_user(&arg->value, &out->value, sizeof(*out) - first) ||
	    copy_to_user(arg, out, first))
		return -EFAULT;

	return 0;
}

static int bao_dm_put_request(struct bao_dm_file *dmf, const struct bao_request *req,
			      struct bao_virtio_request __user *arg)
{
	u32 dm_id = dmf->desc->dm_id;

	if (!bao_dm_by_fields(arg)) {
		const struct bao_virtio_request out = {
			.dm_id = dm_id,
			.addr = req->addr,
			.op = req->write ? BAO_IO_WRITE : BAO_IO_READ,
			.value = req->value,
			.access_width = req->width,
			.request_id = req->id,
		};

		return bao_dm_put_copy(&out, arg);
	}

	if (should_fail_usercopy() || !user_write_access_begin(arg, sizeof(*arg)))
		return -EFAULT;

	unsafe_put_user(dm_id, &arg->dm_id, fault);
	unsafe_put_user(req->addr, &arg->addr, fault);
	unsafe_put_user(req->value, &arg->value, fault);
	unsafe_put_user(req->width, &arg->access_width, fault);
	unsafe_put_user(req->id, &arg->request_id, fault);
	/* Last, so that it is unchanged if there is no request: see bao_dm_complete_for_good() */
	unsafe_put_user(req->write ? BAO_IO_WRITE : BAO_IO_READ, &arg->op, fault);
	user_write_access_end();

	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/* What counts of an answer. Its first and its last field, so all of it can be read. */
static int bao_dm_get_request(struct bao_virtio_request *in,
			      const struct bao_virtio_request __user *arg)
{
	/* 32-bit arm gets no 64 bits at once without a call */
	if (!IS_ENABLED(CONFIG_64BIT) || !bao_dm_by_fields(arg))
		return copy_from_user(in, arg, sizeof(*in)) ? -EFAULT : 0;

	if (should_fail_usercopy() || !user_read_access_begin(arg, sizeof(*arg)))
		return -EFAULT;

	unsafe_get_user(in->dm_id, &arg->dm_id, fault);
	unsafe_get_user(in->op, &arg->op, fault);
	unsafe_get_user(in->value, &arg->value, fault);
	unsafe_get_user(in->request_id, &arg->request_id, fault);
	user_read_access_end();

	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static int bao_dm_attach(struct file *file, struct bao_virtio_request __user *arg)
{
	struct bao_dm_file *dmf = file->private_data;
	/* Who takes it: the process, by the name that ->flush() is given. See bao_dm_flush(). */
	struct files_struct *taker = current->files;
	struct bao_request req;
	int ret;

	if (file->f_flags & O_NONBLOCK)
		ret = bao_request_take(&dmf->client, taker, &req);
	else
		ret = bao_request_wait(&dmf->client, taker, &req);
	if (ret)
		return ret;

	/*
	 * Another thread may have closed the descriptor meanwhile. If others have inherited it, no
	 * release follows, and ->flush() has been: it found nothing, as the request came later. Who
	 * closes it after this look finds the request. (If the file has one user, that is our
	 * descriptor, or us, and release comes. A process with threads always has two here, as each
	 * call holds one: it is for them that the descriptors are looked at.)
	 */
	if (file_count(file) > 1 && !bao_dm_current_has_file(dmf, file))
		ret = -EBADF;
	else
		ret = bao_dm_put_request(dmf, &req, arg);
	if (ret)
		bao_request_put_back(&dmf->client, taker, req.id);

	return ret;
}

static bool bao_dm_may_complete(struct bao_dm_file *dmf, const struct bao_virtio_request *in)
{
	return (in->op == BAO_IO_WRITE || in->op == BAO_IO_READ) &&
	       in->dm_id == dmf->desc->dm_id;
}

static int bao_dm_complete(struct bao_dm_file *dmf, const struct bao_virtio_request __user *arg)
{
	struct bao_virtio_request in;

	if (bao_dm_get_request(&in, arg))
		return -EFAULT;
	if (!bao_dm_may_complete(dmf, &in))
		return -EINVAL;

	return bao_request_complete(&dmf->client, in.request_id, in.op == BAO_IO_WRITE, in.value);
}

/*
 * Fails unless all of the structure can be written: it lies in two pages at most. The op comes
 * last, so that it is unchanged then.
 */
static int bao_dm_put_op(const struct bao_virtio_request *in, u64 op,
			 struct bao_virtio_request __user *arg)
{
	if (!bao_dm_by_fields(arg)) {
		struct bao_virtio_request out = *in;

		out.op = op;

		return bao_dm_put_copy(&out, arg);
	}

	if (!user_write_access_begin(arg, sizeof(*arg)))
		return -EFAULT;

	unsafe_put_user(in->dm_id, &arg->dm_id, fault);
	unsafe_put_user(in->request_id, &arg->request_id, fault);
	unsafe_put_user(op, &arg->op, fault);
	user_write_access_end();

	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/*
 * A signal restarts the call from its beginning, with what stands in memory then: that must not say
 * that there is something to complete any more. And who gets an error needs to know which half it
 * is from. So the op becomes BAO_IO_ASK, before anything is completed, since memory that turns out
 * bad must not cost a request. It is as it was again if there was nothing to complete.
 */
static int bao_dm_complete_for_good(struct bao_dm_file *dmf, const struct bao_virtio_request *in,
				    struct bao_virtio_request __user *arg)
{
	int ret;

	if (!bao_dm_may_complete(dmf, in))
		return -EINVAL;
	if (bao_dm_put_op(in, BAO_IO_ASK, arg))
		return -EFAULT;

	ret = bao_request_complete(&dmf->client, in->request_id, in->op == BAO_IO_WRITE, in->value);
	/* After -EIO nothing is left to complete either */
	if (ret && ret != -EIO && bao_dm_put_op(in, in->op, arg))
		return -EFAULT;

	return ret;
}

static int bao_dm_next(struct file *file, struct bao_virtio_request __user *arg)
{
	struct bao_virtio_request in;
	int ret;

	if (bao_dm_get_request(&in, arg))
		return -EFAULT;

	if (in.op != BAO_IO_ASK) {
		ret = bao_dm_complete_for_good(file->private_data, &in, arg);
		if (ret)
			return ret;
	} else if (bao_dm_put_op(&in, BAO_IO_ASK, arg)) {
		/* Who sleeps with memory that cannot be written would be found out late */
		return -EFAULT;
	}

	return bao_dm_attach(file, arg);
}

static int bao_dm_ioeventfd(struct bao_dm_file *dmf, const struct bao_ioeventfd __user *arg)
{
	struct bao_ioeventfd config;
	int ret = -ENODEV;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;

	mutex_lock(&dmf->mutex);
	if (!dmf->dead)
		ret = bao_ioeventfd_config(dmf, &config);
	mutex_unlock(&dmf->mutex);

	return ret;
}

static int bao_dm_irqfd(struct bao_dm_file *dmf, const struct bao_irqfd __user *arg)
{
	struct bao_irqfd config;
	int ret = -ENODEV;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;

	mutex_lock(&dmf->mutex);
	if (!dmf->dead)
		ret = bao_irqfd_config(dmf, &config);
	mutex_unlock(&dmf->mutex);

	return ret;
}

static long bao_dm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bao_dm_file *dmf = file->private_data;
	void __user *uarg = (void __user *)arg;

	if (bao_client_gone(&dmf->client))
		return -ENODEV;

	switch (cmd) {
	case BAO_IOCTL_IO_CLIENT_ATTACH:
		return bao_dm_attach(file, uarg);
	case BAO_IOCTL_IO_REQUEST_COMPLETE:
		return bao_dm_complete(dmf, uarg);
	case BAO_IOCTL_IOEVENTFD:
		return bao_dm_ioeventfd(dmf, uarg);
	case BAO_IOCTL_IRQFD:
		return bao_dm_irqfd(dmf, uarg);
	case BAO_IOCTL_IO_REQUEST_NEXT:
		return bao_dm_next(file, uarg);
	default:
		return -ENOTTY;
	}
}

static __poll_t bao_dm_poll(struct file *file, poll_table *wait)
{
	struct bao_dm_file *dmf = file->private_data;
	int waiting;

	poll_wait(file, bao_request_waitqueue(&dmf->client), wait);
	waiting = bao_request_waiting(&dmf->client);
	if (waiting < 0)
		return EPOLLERR | EPOLLHUP;

	return waiting ? EPOLLIN | EPOLLRDNORM : 0;
}

static loff_t bao_dm_llseek(struct file *file, loff_t offset, int whence)
{
	struct bao_dm_file *dmf = file->private_data;

	return fixed_size_llseek(file, offset, whence, dmf->desc->shmem_size);
}

/*
 * The window may have no struct pages, so its frames are mapped as they are, with the protection of
 * ordinary memory. The mapping may outlive the descriptor and the endpoint: the memory stays, it is
 * this VM's.
 */
static int bao_dm_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bao_dm_file *dmf = file->private_data;
	const struct bao_endpoint_desc *desc = dmf->desc;
	unsigned long len = vma->vm_end - vma->vm_start;
	u64 pages = desc->shmem_size >> PAGE_SHIFT;

	if (bao_client_gone(&dmf->client))
		return -ENODEV;
	if (!(vma->vm_flags & VM_SHARED) || !PAGE_ALIGNED(desc->shmem_start))
		return -EINVAL;
	if (vma->vm_pgoff > pages || len >> PAGE_SHIFT > pages - vma->vm_pgoff)
		return -EINVAL;

	return remap_pfn_range(vma, vma->vm_start, PHYS_PFN(desc->shmem_start) + vma->vm_pgoff, len,
			       vma->vm_page_prot);
}

/*
 * Every close of a descriptor by a process comes here, be it by close(), exec or exit. While others
 * have the file open, by inheritance say, it is not released; what this process took and did not
 * answer must go back nevertheless, once it has no further descriptor to answer with. The one that
 * is being closed is out of its table already, unless the process exits.
 */
static int bao_dm_flush(struct file *file, fl_owner_t id)
{
	struct bao_dm_file *dmf = file->private_data;

	if (!bao_dm_has_file(id, file))
		bao_request_put_back_taker(&dmf->client, id);

	return 0;
}

/**
 * bao_dm_file_shutdown() - end what a descriptor does
 * @dmf: descriptor; shutting it down twice is harmless
 *
 * Unhooks its eventfds, returns its requests to the queue and wakes who sleeps in it. What is done
 * with the descriptor afterwards fails with -ENODEV.
 *
 * Context: may sleep
 */
void bao_dm_file_shutdown(struct bao_dm_file *dmf)
{
	mutex_lock(&dmf->mutex);
	if (!dmf->dead) {
		dmf->dead = true;
		bao_irqfds_release(dmf);
		bao_client_detach(&dmf->client);
		bao_ioeventfds_free(dmf);
	}
	mutex_unlock(&dmf->mutex);
}

static int bao_dm_release(struct inode *inode, struct file *file)
{
	struct bao_dm_file *dmf = file->private_data;

	bao_dm_file_forget(dmf);
	if (dmf->ep) {
		bao_dm_file_shutdown(dmf);
		bao_endpoint_put(dmf->ep);
	}
	mutex_destroy(&dmf->mutex);
	kfree(dmf);

	return 0;
}

static const struct file_operations bao_dm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bao_dm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = bao_dm_poll,
	.llseek = bao_dm_llseek,
	.mmap = bao_dm_mmap,
	.flush = bao_dm_flush,
	.release = bao_dm_release,
};

/**
 * bao_dm_file_create() - make a DM descriptor that does not belong to a device model yet
 * @id: the device model's id, for the descriptor's name
 *
 * Apart from bao_dm_file_bind(), so that memory is allocated without a lock.
 *
 * Context: may sleep
 * Return: the file, good for bao_dm_file_bind() and fput(); an ERR_PTR() of -ENOMEM or -ENFILE
 */
struct file *bao_dm_file_create(u32 id)
{
	struct bao_dm_file *dmf;
	struct file *file;
	char name[24];

	dmf = kzalloc(sizeof(*dmf), GFP_KERNEL_ACCOUNT);
	if (!dmf)
		return ERR_PTR(-ENOMEM);

	mutex_init(&dmf->mutex);
	INIT_LIST_HEAD(&dmf->ioeventfds);
	spin_lock_init(&dmf->irqfd_lock);
	INIT_LIST_HEAD(&dmf->irqfds);

	snprintf(name, sizeof(name), "bao-dm%u", id);
	file = anon_inode_getfile(name, &bao_dm_fops, dmf, O_RDWR);
	if (IS_ERR(file))
		kfree(dmf);

	return file;
}

/**
 * bao_dm_file_bind() - make a DM descriptor one of a device model
 * @file: from bao_dm_file_create(), not yet installed
 * @dm: device model
 *
 * Context: bao_dm_mutex held
 * Return: 0; -EBUSY if there are too many, -ENODEV if the endpoint is gone
 */
int bao_dm_file_bind(struct file *file, struct bao_dm *dm)
{
	struct bao_dm_file *dmf = file->private_data;
	int ret;

	if (dm->nr_files >= BAO_MAX_FILES)
		return -EBUSY;

	ret = bao_client_attach(dm->ep, &dmf->client);
	if (ret)
		return ret;

	dmf->ep = bao_endpoint_get(dm->ep);
	dmf->desc = bao_endpoint_describe(dmf->ep);
	dmf->dm = dm;
	list_add_tail(&dmf->node, &dm->files);
	dm->nr_files++;

	return 0;
}
