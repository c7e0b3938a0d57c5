# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: a process takes a disk over from the kernel, and the kernel from the
# process, whenever the frontend has reset the device

to_process()
{
	frontend "unbind $DISK"
	virtio_remove blk disk
	/bao-dm --dm "$DISK" --window 0x0a000000 /disk.img &
	dm=$!
	frontend "bind $DISK; look_at_disk \$(disk $DISK); work_on_disk \$(disk $DISK) 2"
}

to_kernel()
{
	frontend "unbind $DISK"
	kill "$dm"
	wait "$dm"
	virtio_device blk disk "$DISK" path=/disk.img
	frontend "bind $DISK; look_at_disk \$(disk $DISK); work_on_disk \$(disk $DISK) 2"
}

takeover()
{
	written
	for again in 1 2; do
		to_process
		to_kernel
	done
}

takeover_checks()
{
	check "a process takes a disk over from the kernel, and the kernel takes it back" takeover
}
