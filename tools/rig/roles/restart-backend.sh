#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make restart, backend: kill the device model in the middle of I/O and start it
# again, many times

. /lib.sh
. /environment

# The test port of the test hypervisor counts for device 0 the accesses, and those
# that have been asked for and not been answered.
ACCESSES=0x0b000040
PROCESSING=0x0b000060
STATE=/tmp/state
DISK=/disk.img

accesses()
{
	echo $(($(devmem $ACCESSES 32)))
}

start()
{
	/bao-dm --dm 0 --window 0x0a000000 --state $STATE $DISK &
	dm=$!
}

load_modules bao bao_remio
devmem 0x0b000008 32 0
start
say "serving the disk, now $ROUNDS times: wait for some accesses, kill -9, start again"
seed=1
round=0
halfway=0
quarter=$(((ROUNDS + 3) / 4))
while [ $round -lt "$ROUNDS" ]; do
	# Anywhere in a request: after 1 to 64 more accesses
	seed=$(((seed * 1103515245 + 12345) & 0x7fffffff))
	goal=$(($(accesses) + 1 + (seed >> 16) % 64))
	while [ "$(accesses)" -lt $goal ]; do
		alive $dm || fail "the device model has ended in round $round"
	done
	kill -9 $dm
	wait $dm 2>/dev/null
	[ $(($(devmem $PROCESSING 32))) = 0 ] || halfway=$((halfway + 1))
	start
	round=$((round + 1))
	[ $((round % quarter)) != 0 ] || say "killed $round times"
done
# The last sector of the disk lies behind the file system. It tells the frontend to stop.
echo stop | dd of=$DISK bs=512 seek=$(($(stat -c %s $DISK) / 512 - 1)) conv=notrunc 2>/tmp/dd ||
	fail "dd: $(cat /tmp/dd)"
until frontend_off; do
	alive $dm || fail "the device model has ended"
	usleep 10000
done
kill $dm
e2fsck -fn $DISK >/tmp/e2fsck 2>&1 || {
	cat /tmp/e2fsck
	fail "e2fsck finds errors on the disk image"
}
mount -t ext4 -o loop,ro $DISK /mnt || fail "the disk image does not mount"
(cd /mnt && sha256sum -c sums >/tmp/sums 2>&1) || {
	cat /tmp/sums
	fail "what the frontend wrote is not on the disk image"
}
umount /mnt
[ $halfway -gt 0 ] || fail "no kill came in the middle of an access"
say "$ROUNDS restarts, $halfway with an access half answered; e2fsck finds the image clean, the data are intact"
clean_log
