// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio devices in the kernel: the module, and how a device goes live and is taken down
 */
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/virtio_mmio.h>

#include "core.h"

/**
 * bao_vdev_name() - name of a device, for the log and for what a model makes
 * @vdev: device
 *
 * Context: any, but neither in alloc() nor in free() of the model
 * Return: name of its directory
 */
const char *bao_vdev_name(const struct bao_vdev *vdev)
{
	return vdev->group.cg_item.ci_name;
}
EXPORT_SYMBOL_GPL(bao_vdev_name);

/**
 * bao_vdev_configure() - begin to change attributes of a device
 * @vdev: device
 *
 * What a device is made of does not change while frontends see it. So store functions of models
 * look like this::
 *
 *	ret = bao_vdev_configure(vdev);
 *	if (ret)
 *		return ret;
 *	my->attribute = value;
 *	bao_vdev_configured(vdev);
 *
 *	return len;
 *
 * Attributes that may change while live, and all show functions, take &bao_vdev.mutex themselves.
 *
 * Context: may sleep. Takes &bao_vdev.mutex, which enable() and disable() of the model are called
 * with: not from there, nor from anything that they wait for.
 * Return: 0 with the mutex held; or -EBUSY without it, after one line in the log, if the device is
 * live
 */
int bao_vdev_configure(struct bao_vdev *vdev)
{
	mutex_lock(&vdev->mutex);
	if (!vdev->live)
		return 0;
	mutex_unlock(&vdev->mutex);
	bao_vdev_err(vdev, "it is live: this attribute can be changed when it is taken down\n");

	return -EBUSY;
}
EXPORT_SYMBOL_GPL(bao_vdev_configure);

/**
 * bao_vdev_configured() - end what bao_vdev_configure() has begun
 * @vdev: device
 *
 * Context: any that may sleep; releases &bao_vdev.mutex
 */
void bao_vdev_configured(struct bao_vdev *vdev)
{
	mutex_unlock(&vdev->mutex);
}
EXPORT_SYMBOL_GPL(bao_vdev_configured);

static int bao_vdev_check_window(struct bao_vdev *vdev)
{
	u64 last;

	if (vdev->dm == BAO_VDEV_DM_UNSET || vdev->addr == BAO_VDEV_ADDR_UNSET) {
		bao_vdev_err(vdev, "%s is not set\n",
			     vdev->dm == BAO_VDEV_DM_UNSET ? "dm" : "addr");
		return -EINVAL;
	}

	/* Frontends access registers of 4 bytes at multiples of 4, or not at all */
	if (vdev->addr % 4) {
		bao_vdev_err(vdev, "addr 0x%llx is no multiple of 4\n", vdev->addr);
		return -EINVAL;
	}

	if (!vdev->size || check_add_overflow(vdev->addr, (u64)vdev->size - 1, &last)) {
		bao_vdev_err(vdev, "there is no window of 0x%x bytes at 0x%llx\n", vdev->size,
			     vdev->addr);
		return -EINVAL;
	}

	return 0;
}

/* Known after enable() only */
static int bao_vdev_check_config(struct bao_vdev *vdev)
{
	if (vdev->size >= VIRTIO_MMIO_CONFIG &&
	    vdev->size - VIRTIO_MMIO_CONFIG >= vdev->config_size)
		return 0;

	bao_vdev_err(vdev, "size 0x%x is too small for 0x%x bytes of registers and %u of configuration\n",
		     vdev->size, VIRTIO_MMIO_CONFIG, vdev->config_size);

	return -EINVAL;
}

static int bao_vdev_publish(struct bao_vdev *vdev)
{
	int ret = bao_remio_go_live(vdev);

	switch (ret) {
	case 0:
		break;
	case -ENODEV:
		bao_vdev_err(vdev, "there is no remote-I/O device %u\n", vdev->dm);
		break;
	case -EEXIST:
		bao_vdev_err(vdev, "the window at 0x%llx, size 0x%x, overlaps that of another device\n",
			     vdev->addr, vdev->size);
		break;
	default:
		bao_vdev_err(vdev, "it cannot go live: %pe\n", ERR_PTR(ret));
		break;
	}

	return ret;
}

/* The model may wake queues until disable() has returned: so they go last */
static void bao_vdev_disable(struct bao_vdev *vdev)
{
	vdev->model->disable(vdev);
	bao_vdev_forget(vdev);
}

/* What a device that was taken down has left for its driver ends, without asking that */
static void bao_vdev_end_refusal(struct bao_vdev *vdev)
{
	if (!vdev->core)
		return;

	bao_remio_empty_slot(vdev);
	bao_vdev_forget(vdev);
}

/**
 * bao_vdev_leave() - leave the window to others
 * @vdev: device that is not live; nothing happens if it never was
 *
 * Context: may sleep; &bao_vdev.mutex held
 */
void bao_vdev_leave(struct bao_vdev *vdev)
{
	lockdep_assert_held(&vdev->mutex);

	bao_vdev_end_refusal(vdev);
	bao_remio_forget(vdev);
}

/**
 * bao_vdev_gone() - tell whether a device has lost its endpoint
 * @vdev: device
 *
 * Context: &bao_vdev.mutex held; may sleep
 * Return: true if it is live, but its endpoint is not there any more
 */
bool bao_vdev_gone(const struct bao_vdev *vdev)
{
	lockdep_assert_held(&vdev->mutex);

	/*
	 * Who else halts a device takes it down, with our mutex. Without the core's mutex, since
	 * that is held as long as a slow operation takes: who asks may come too early, by moments.
	 */
	return vdev->live && READ_ONCE(vdev->core->halted);
}

/**
 * bao_vdev_go_live() - let the frontend see a device
 * @vdev: device; one that is live stays as it is, unless its endpoint is gone
 *
 * Context: may sleep; &bao_vdev.mutex held
 * Return: 0; or, after one line in the log: -EINVAL if attributes are missing or do not go
 * together, -ENODEV if there is no such remote-I/O device, -EEXIST if the window overlaps that of
 * another device, any other error of the model or of bao_remio_go_live(). Then it is not live.
 */
int bao_vdev_go_live(struct bao_vdev *vdev)
{
	int ret;

	lockdep_assert_held(&vdev->mutex);

	if (bao_vdev_gone(vdev))
		bao_vdev_take_down(vdev);
	if (vdev->live)
		return 0;

	ret = bao_vdev_check_window(vdev);
	if (ret)
		return ret;

	/* A driver that still has the former device has to live with that */
	bao_vdev_end_refusal(vdev);

	ret = vdev->model->enable(vdev);
	if (ret)
		return ret;

	ret = bao_vdev_check_config(vdev);
	if (!ret)
		ret = bao_vdev_publish(vdev);
	if (ret) {
		bao_vdev_disable(vdev);
		return ret;
	}

	vdev->live = true;

	return 0;
}

/**
 * bao_vdev_take_down() - undo bao_vdev_go_live()
 * @vdev: device; one that is not live stays as it is
 *
 * The driver finds no device any more. If it uses this one, its requests are answered with errors
 * until it resets it, or bao_vdev_leave() is called, or the device goes live again.
 *
 * Context: may sleep; &bao_vdev.mutex held
 */
void bao_vdev_take_down(struct bao_vdev *vdev)
{
	bool refuses;

	lockdep_assert_held(&vdev->mutex);

	if (!vdev->live)
		return;

	refuses = bao_remio_take_down(vdev);
	vdev->model->disable(vdev);
	/* Not before: the model may wake queues until then */
	if (!refuses)
		bao_vdev_forget(vdev);
	vdev->live = false;
}

static int __init bao_virtio_init(void)
{
	return bao_configfs_init();
}
module_init(bao_virtio_init);

static void __exit bao_virtio_exit(void)
{
	bao_configfs_exit();
}
module_exit(bao_virtio_exit);

MODULE_DESCRIPTION("Virtio devices for frontends of the Bao hypervisor");
MODULE_LICENSE("GPL");
