#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make bench: measure, one driver after the other. A row is named
# DRIVER:WHAT[:HOW MANY], and is compared with the row of the driver "floor" of
# the same access.

. /lib.sh

WINDOW=0x0a000000
STATUS=0x0a000070
SELECT=0x0a000030	# QueueSel: a write that does nothing else
NOTIFY=0x0a000050

# Bytes that are not free, without what is only kept because there is room
in_use()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	[ ! -e /proc/sys/vm/compact_memory ] || echo 1 >/proc/sys/vm/compact_memory
	awk '/^MemTotal:/ { n += $2 } /^MemFree:/ { n -= $2 } END { print n * 1024 }' /proc/meminfo
}

# memory NAME N BEFORE: what each of N takes that have been made since in_use said BEFORE
memory()
{
	echo "= memory:$1 $((($(in_use) - $3) / $2))"
}

# bench NAME OPTION...
bench()
{
	name=$1
	shift
	/bao-bench "$@" "$name" || fail "no result for $name"
}

# The kernel gets to know all of the interrupts, also those of the channel, and keeps that: to find
# one among more takes longer, and is to take the same in all rows
load_modules bao
unload_modules bao
insmod /modules/bao_floor.ko || fail "bao_floor.ko does not load"
bench floor:read --addr $STATUS
bench floor:write --addr $SELECT --write 0
for n in 2 3 4; do
	bench floor:read:$n --addr $STATUS --vcpus $n
done
rmmod bao_floor || fail "bao_floor.ko does not unload"
say "measured the floor"

load_modules bao bao_virtio bao_virtio_rng bao_virtio_blk
virtio_device rng source 0
bench kernel:read --addr $STATUS
bench kernel:write --addr $SELECT --write 0
for n in 2 3 4; do
	bench kernel:read:$n --addr $STATUS --vcpus $n
done
say "measured a device in the kernel"
before=$(in_use)
for dm in 1 2 3 4 5 6 7; do
	virtio_device rng source$dm $dm
done
memory device-rng 7 "$before"
bench kernel-8-devices:read --addr $STATUS
for dm in 1 2 3 4 5 6 7; do
	virtio_remove rng source$dm
done
# Disks of one queue, and of four: made anew, since a device that has been used keeps nothing
for queues in 1 4; do
	before=$(in_use)
	for dm in 1 2 3 4 5 6 7; do
		truncate -s 1M /tmp/disk$dm
		virtio_device blk disk$dm $dm path=/tmp/disk$dm queues=$queues
	done
	memory device-blk-$queues-queues 7 "$before"
	for dm in 1 2 3 4 5 6 7; do
		virtio_remove blk disk$dm
	done
done
say "measured eight devices in the kernel"

load_modules bao_remio
for n in 16 64 256; do
	bench kernel-$n-ranges:read --addr $STATUS --ioeventfds $n
	bench eventfd-$n:write --addr $NOTIFY --write $((n - 1)) --ioeventfds $n
done
say "measured many ranges"
virtio_remove rng source
bench eventfd:write --addr $NOTIFY --write 0 --ioeventfds 1
bench eventfd-read:write --addr $NOTIFY --write 0 --ioeventfds 1 --readers
say "measured ioeventfds"
bench process:read --addr $STATUS --threads 1
bench process:write --addr $SELECT --write 0 --threads 1
bench process-4:read --addr $STATUS --threads 4
for n in 2 3 4; do
	bench process-4:read:$n --addr $STATUS --threads 4 --vcpus $n
done
bench process-next:read --addr $STATUS --threads 1 --next
bench process-next:write --addr $SELECT --write 0 --threads 1 --next
# One thread that always finds work: the whole of a call counts, not only the way to the answer
bench process:read:4 --addr $STATUS --threads 1 --vcpus 4
bench process-next:read:4 --addr $STATUS --threads 1 --next --vcpus 4
say "measured a device model in a process"
unload_modules bao bao_virtio bao_virtio_rng bao_virtio_blk bao_remio

# The plain copies stand where the floor of accesses does
load_modules bao bao_ipc
for size in 64 4096 65536; do
	bench floor:write-$size --ipc copy-out --size $size
	bench ipc:write-$size --ipc write --size $size
	bench floor:read-$size --ipc copy-in --size $size
	bench ipc:read-$size --ipc read --size $size
done
bench floor:doorbell --ipc ring
bench ipc:doorbell --ipc ring-and-hear
say "measured a channel"
unload_modules bao bao_ipc

# Last, since it does not unload
if [ -e /modules/v2.ko ]; then
	insmod /modules/v2.ko || fail "the driver of the v2 series does not load"
	bench v2-eventfd:write --addr $NOTIFY --write 0 --ioeventfds 1
	bench v2-eventfd-read:write --addr $NOTIFY --write 0 --ioeventfds 1 --readers
	bench v2-process:read --addr $STATUS --threads 1
	bench v2-process:write --addr $SELECT --write 0 --threads 1
	say "measured the driver of the v2 series"
fi
clean_log
