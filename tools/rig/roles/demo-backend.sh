#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make demo, backend: give the frontend a disk, a network card, a console and
# entropy from the kernel; later hand the disk to a process. In the end look at
# what the frontend left on it.

. /lib.sh

load_modules bao bao_virtio bao_virtio_blk bao_virtio_net bao_virtio_console bao_virtio_rng
virtio_device blk disk 0 path=/disk.img
virtio_device net card 1 ifname=vm0
virtio_device console console 2
virtio_device rng entropy 3
say "the kernel serves a disk, a network card, a console and entropy, without any process"

tcp_nearby
brctl addbr br0
brctl addif br0 vm0
ip addr add 10.0.0.1/24 dev br0
ip link set vm0 up
ip link set br0 up
mkdir /www
cd /www || fail "no /www"
dd if=/dev/urandom of=down bs=64k count=64 2>/dev/null
sha256sum down >down.sha256
httpd -p 80 -h /www

# The frontend sends what it has first, and then says that it is done with the disk.
mkdir /in
cd /in || fail "no /in"
nc -l -p 5001 -e tar -x || fail "the frontend's files did not arrive"
sha256sum -c up.sha256 >/tmp/sums 2>&1 || {
	cat /tmp/sums
	fail "what came over the network has changed on its way"
}
say "received 4 MiB over TCP, through the bridge br0 and the card vm0: checksum as sent"

tty=$(cat "$VIRTIO/console/console/ttys")
stty -F "/dev/$tty" raw -echo || fail "/dev/$tty is no terminal"
exec 3<>"/dev/$tty"
# A prompt is no line, and what is typed too early is lost: so try again
line=
tries=0
until [ "$line" = "the answer is 42" ]; do
	tries=$((tries + 1))
	[ $tries -lt 30 ] || fail "nobody answers on the console"
	# shellcheck disable=SC2016
	printf '%s\n' root 'echo the answer is $((6 * 7))' >&3
	# shellcheck disable=SC3045 # busybox has it
	while [ "$line" != "the answer is 42" ] && read -r -t 2 line <&3; do
		line=${line%"$(printf '\r')"}
	done
done
exec 3>&-
say "logged in on the frontend's console, from /dev/$tty: $line"

nc -l -p 5002 -e true
virtio_remove blk disk
load_modules bao_remio
/bao-dm --dm 0 --window 0x0a000000 /disk.img &
dm=$!
say "the frontend has let go of its disk: a device model in a process serves it now"
nc -l -p 5003 -e true
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
virtio_remove net card
virtio_remove console console
virtio_remove rng entropy
clean_log
