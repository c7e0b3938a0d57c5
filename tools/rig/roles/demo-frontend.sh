#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make demo, frontend: use the disk that the backend serves. Nothing here knows
# of Bao: these are the drivers of any kernel.

. /lib.sh

# The driver is built in: the kernel has probed it before the first process.
[ -b /dev/vda ] || fail "there is no /dev/vda"
say "virtio_blk found a disk of $(($(cat /sys/block/vda/size) / 2048)) MiB"
mount -t ext4 /dev/vda /mnt || fail "the disk does not mount"
cd /mnt || fail "no /mnt"
sha256sum -c from-host.sha256 >/tmp/sums 2>&1 || {
	cat /tmp/sums
	fail "what the host put on the disk reads wrong"
}
say "mounted it (ext4); it says: $(cat hello.txt)"
for n in 1 2 3 4; do
	dd if=/dev/urandom of=data$n bs=64k count=16 2>/tmp/dd || fail "writing failed: $(cat /tmp/dd)"
done
sha256sum data? >from-frontend.sha256
sync
cd /
umount /mnt || fail "the disk does not unmount"
say "wrote 4 files of 1 MiB, synced, unmounted"
clean_log
