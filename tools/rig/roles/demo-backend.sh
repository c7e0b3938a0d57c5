#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make demo, backend: serve the disk, then look at what the frontend left on it

. /lib.sh

load_modules bao bao_remio
say "loaded bao.ko and bao_remio.ko, starting a device model for a virtio disk"
/bao-dm --dm 0 --window 0x0a000000 /disk.img &
dm=$!
until frontend_off; do
	alive $dm || fail "the device model has ended"
	usleep 10000
done
kill $dm
say "the frontend is off, looking at its disk"

e2fsck -fn /disk.img >/tmp/e2fsck 2>&1 || {
	cat /tmp/e2fsck
	fail "e2fsck finds errors on the disk image"
}
mount -t ext4 -o loop,ro /disk.img /mnt || fail "the disk image does not mount"
cd /mnt || fail "no /mnt"
sha256sum -c from-frontend.sha256 >/tmp/sums 2>&1 || {
	cat /tmp/sums
	fail "what the frontend wrote is not on the disk image"
}
say "e2fsck finds the image clean, and all of the frontend's $(grep -c OK /tmp/sums) files are intact"
cd /
umount /mnt
clean_log
