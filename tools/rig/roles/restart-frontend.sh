#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make restart, frontend: write, read back and compare until told to stop

. /lib.sh

[ -b /dev/vda ] || fail "there is no /dev/vda"
mount -t ext4 /dev/vda /mnt || fail "the disk does not mount"
last=$(($(cat /sys/block/vda/size) - 1))
dd if=/dev/urandom of=/tmp/random bs=64k count=8 2>/dev/null
(cd /tmp && sha256sum random) >/tmp/sum

rounds=0
while [ "$(dd if=/dev/vda iflag=direct bs=512 skip=$last count=1 2>/dev/null | head -c 4)" != stop ]; do
	rounds=$((rounds + 1))
	file=/mnt/file$((rounds % 4))
	dd if=/tmp/random of=$file bs=16k conv=fsync 2>/tmp/dd || fail "write: $(cat /tmp/dd)"
	# What is read back shall come from the disk
	echo 3 >/proc/sys/vm/drop_caches
	cmp -s /tmp/random $file || fail "round $rounds reads back something else"
done
[ $rounds -gt 0 ] || fail "told to stop before the first round"
cp /tmp/random /mnt/random || fail "the last write failed"
cp /tmp/sum /mnt/sums || fail "the last write failed"
sync
umount /mnt || fail "the disk does not unmount"
[ "$(dmesg | grep -c 'I/O error')" = 0 ] || fail "there were I/O errors"
say "wrote and compared $rounds times"
clean_log
