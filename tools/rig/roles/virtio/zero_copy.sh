# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: a disk's data without a copy, where the window can have pages

ZERO_MIB=16

# switch VALUE: zero_copy of the endpoint of the spare disk; fails if it cannot
switch()
{
	echo "$1" >"/sys/bus/auxiliary/devices/bao.remio.$SPARE/zero_copy"
}

# spare_disk: anew, on /dev/nullb0, after COMMAND... while nobody has its window mapped
spare_disk()
{
	frontend "unbind $SPARE"
	virtio_remove blk spare
	"$@" || fail "$* fails"
	virtio_device blk spare "$SPARE" path=/dev/nullb0
	frontend "bind $SPARE"
}

# spare_data SEED: write and read, in both systems; sets $transferred and $copied
spare_data()
{
	bytes=$((ZERO_MIB * MIB))
	[ "$(cat "$VIRTIO/blk/spare/transferred")" -lt "$MIB" ] ||
		fail "the counter is not that of a new disk"
	frontend "fill $SPARE $bytes $1"
	frontend "compare $SPARE $bytes $1"
	transferred=$(cat "$VIRTIO/blk/spare/transferred")
	copied=$(cat "$VIRTIO/blk/spare/copied")
	say "$transferred bytes transferred, $copied copied"
	[ "$transferred" -ge $((2 * bytes)) ] || fail "the counter has missed some"
	frontend "unbind $SPARE"
	echo 0 >"$VIRTIO/blk/spare/live"
	/bin/stream -c $bytes "$1" </dev/nullb0 || fail "what the frontend wrote is not on the disk"
	echo 1 >"$VIRTIO/blk/spare/live"
	frontend "bind $SPARE; compare $SPARE $bytes $1"
}

with_a_copy()
{
	spare_disk true
	spare_data 11
	[ "$copied" = "$transferred" ] || fail "the switch is off, and not all is copied"
}

without_a_copy()
{
	spare_disk switch 1
	! switch 0 2>/dev/null || fail "the switch is not busy while the disk is live"
	spare_data 12
	[ "$copied" = 0 ] || fail "the switch is on, and not nothing is copied"
	[ "$(cat "$VIRTIO/blk/spare/copied")" = 0 ] ||
		fail "data are copied by a disk that is live again"
}

# Drivers are reset in the middle of reads that work on pages of the window
resets()
{
	frontend "rebind_disk $SPARE 4"
	frontend "compare $SPARE $((ZERO_MIB * MIB)) 12"
	[ "$(cat "$VIRTIO/blk/spare/copied")" = 0 ] || fail "data are copied after a reset"
}

off_again()
{
	spare_disk switch 0
	spare_data 13
	[ "$copied" = "$transferred" ] || fail "the switch is off again, and not all is copied"
	spare_disk switch 1
	spare_data 14
	[ "$copied" = 0 ] || fail "the switch is on again, and data are copied"
}

# The device models in processes have their windows mapped; the checks of vhost are to come
under_processes()
{
	for dm in $VHOST_NET $VHOST_VSOCK; do
		echo 1 >"/sys/bus/auxiliary/devices/bao.remio.$dm/zero_copy" ||
			fail "the window of device $dm gets no pages"
	done
}

# Elsewhere the switch refuses, and what has been copied is still copied
refused()
{
	frontend "unbind $SPARE"
	virtio_remove blk spare
	! switch 1 2>/dev/null || fail "the switch goes on on a machine where it must not"
	virtio_device blk spare "$SPARE" path=/dev/nullb0
	frontend "bind $SPARE"
	spare_data 12
	[ "$copied" = "$transferred" ] || fail "the switch is off, and not all is copied"
}

spare_image()
{
	spare_backing /spare.img
	rmdir "$NULL" || fail "null_blk does not let go"
	rmmod null_blk
}

zero_copy_checks()
{
	null_disk 0
	check "$ZERO_MIB MiB each way with a copy" with_a_copy
	if [ "$(uname -m)" = aarch64 ]; then
		check "$ZERO_MIB MiB each way without a copy" without_a_copy
		check "resets in the middle of I/O on the window" resets
		check "off and on again" off_again
		check "windows of device models in processes get pages" under_processes
	else
		check "no pages for the window on this machine" refused
	fi
	check "a disk of a file again" spare_image
}
