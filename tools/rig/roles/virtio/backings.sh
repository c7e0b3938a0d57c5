# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: what is behind a disk is full, fails, or goes away. The frontend gets
# errors, and can go on when there is something again.

# spare_backing PATH: of the second disk, while the frontend has no driver for it
spare_backing()
{
	frontend "unbind $SPARE"
	attribute blk spare live 0
	attribute blk spare path "$1"
	attribute blk spare live 1
	frontend "bind $SPARE"
}

full()
{
	mkdir /full
	mount -t tmpfs -o size=4m tmpfs /full
	truncate -s 16M /full/disk
	spare_backing /full/disk
	frontend "no_write $SPARE 8"
	frontend "read_all $SPARE"
	mount -t tmpfs -o remount,size=32m tmpfs /full || fail "the file system does not become larger"
	frontend "write_all $SPARE"
}

# null_disk NANOSECONDS: a disk in memory that can be told to fail, and takes its time; 0: none.
# Its name in /dev comes from the directory, or is the first one.
NULL=/sys/kernel/config/nullb/nullb0
null_disk()
{
	[ -d /sys/module/null_blk ] || insmod /modules/null_blk.ko nr_devices=0 ||
		fail "null_blk.ko does not load"
	mkdir $NULL || fail "there is no null_blk"
	if [ "$1" != 0 ]; then
		echo 2 >$NULL/irqmode
		echo "$1" >$NULL/completion_nsec
	fi
	echo 1 >$NULL/memory_backed
	echo 16 >$NULL/size
	echo 1 >$NULL/power || fail "null_blk does not make a disk"
}

failing()
{
	null_disk 0
	spare_backing /dev/nullb0
	frontend "write_all $SPARE"
	frontend "disk_load $SPARE"
	echo +0-32767 >$NULL/badblocks
	frontend "ends_with_error reads; no_write $SPARE 1"
	echo -0-32767 >$NULL/badblocks
	frontend "read_all $SPARE; write_all $SPARE"
}

removed()
{
	frontend "disk_load $SPARE"
	echo 0 >$NULL/power
	frontend "ends_with_error reads; no_write $SPARE 1"
	spare_backing /spare.img
	rmdir $NULL || fail "null_blk does not let go"
	frontend "write_all $SPARE; read_all $SPARE"
}

backings_checks()
{
	check "a full file system behind a disk" full
	check "a failing block device behind a disk" failing
	check "a block device behind a disk is removed" removed
}
