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

# bench NAME OPTION...
bench()
{
	name=$1
	shift
	/bao-bench "$@" "$name" || fail "no result for $name"
}

insmod /modules/bao_floor.ko || fail "bao_floor.ko does not load"
bench floor:read --addr $STATUS
bench floor:write --addr $SELECT --write 0
for n in 2 3 4; do
	bench floor:read:$n --addr $STATUS --vcpus $n
done
rmmod bao_floor || fail "bao_floor.ko does not unload"
say "measured the floor"

load_modules bao bao_virtio bao_virtio_rng
virtio_device rng source 0
bench kernel:read --addr $STATUS
bench kernel:write --addr $SELECT --write 0
for n in 2 3 4; do
	bench kernel:read:$n --addr $STATUS --vcpus $n
done
say "measured a device in the kernel"
virtio_remove rng source

load_modules bao_remio
bench eventfd:write --addr $NOTIFY --write 0 --ioeventfds 1
bench eventfd-read:write --addr $NOTIFY --write 0 --ioeventfds 1 --readers
say "measured ioeventfds"
bench process:read --addr $STATUS --threads 1
bench process:write --addr $SELECT --write 0 --threads 1
bench process-4:read --addr $STATUS --threads 4
for n in 2 3 4; do
	bench process-4:read:$n --addr $STATUS --threads 4 --vcpus $n
done
say "measured a device model in a process"
unload_modules bao bao_virtio bao_virtio_rng bao_remio

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
