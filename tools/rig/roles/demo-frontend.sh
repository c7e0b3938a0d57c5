#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make demo, frontend: use the devices that the backend serves. Nothing here knows
# of Bao: these are the drivers of any kernel.

. /lib.sh

BACKEND=10.0.0.1

# use_disk WHAT: read what the host has put there, and write files WHAT0 to WHAT3
use_disk()
{
	[ -b /dev/vda ] || fail "there is no /dev/vda"
	mount -t ext4 /dev/vda /mnt || fail "the disk does not mount"
	cd /mnt || fail "no /mnt"
	sha256sum -c from-host.sha256 >/tmp/sums 2>&1 || {
		cat /tmp/sums
		fail "what the host put on the disk reads wrong"
	}
	for n in 0 1 2 3; do
		dd if=/dev/urandom of="$1$n" bs=64k count=16 2>/tmp/dd ||
			fail "writing failed: $(cat /tmp/dd)"
	done
	sha256sum "$1"? >>from-frontend.sha256
	hello=$(cat hello.txt)
	sync
	cd /
	umount /mnt || fail "the disk does not unmount"
}

# The drivers are built in: the kernel has probed the devices before the first process.
say "virtio_blk found a disk of $(($(cat /sys/block/vda/size) / 2048)) MiB"
use_disk kernel
say "mounted it (ext4); it says: $hello"
say "wrote 4 files of 1 MiB, synced, unmounted"

tcp_nearby
ip addr add 10.0.0.2/24 dev eth0 || fail "there is no network card"
ip link set eth0 up
tries=0
until ping -c 1 -W 1 $BACKEND >/tmp/ping 2>&1; do
	tries=$((tries + 1))
	[ $tries -lt 60 ] || fail "no answer to ping: $(tail -n 1 /tmp/ping)"
done
say "virtio_net: $(grep 'time=' /tmp/ping)"
cd /tmp || fail "no /tmp"
wget -q "http://$BACKEND/down" "http://$BACKEND/down.sha256" || fail "wget fails"
sha256sum -c down.sha256 >/tmp/sums 2>&1 || {
	cat /tmp/sums
	fail "what came over the network has changed on its way"
}
say "fetched 4 MiB over TCP: checksum as on the backend"

rng=$(cat /sys/class/misc/hw_random/rng_current)
dd if=/dev/hwrng of=entropy bs=64 count=4 2>/tmp/dd || fail "no entropy: $(cat /tmp/dd)"
say "$rng: $(stat -c %s entropy) bytes of entropy from the backend"

# Anybody may log in on the console.
mkdir -p /etc
echo root::0:0:root:/:/bin/sh >/etc/passwd
setsid getty -L 115200 hvc0 vt100 &

dd if=/dev/urandom of=up bs=64k count=64 2>/dev/null
sha256sum up >up.sha256
tar -c up up.sha256 | nc $BACKEND 5001 >/dev/null || fail "the backend does not take files"

# The backend looks at the console now, and then waits for this.
echo a000000.virtio >/sys/bus/platform/drivers/virtio-mmio/unbind ||
	fail "the driver does not let go of the disk"
until nc $BACKEND 5002 </dev/null >/dev/null 2>&1; do
	usleep 100000
done
until nc $BACKEND 5003 </dev/null >/dev/null 2>&1; do
	usleep 100000
done
echo a000000.virtio >/sys/bus/platform/drivers/virtio-mmio/bind ||
	fail "the driver does not find the disk again"
use_disk process
say "found the same disk again, mounted it, wrote 4 more files"
clean_log
