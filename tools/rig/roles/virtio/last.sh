# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: what the frontend does not get over. Linux waits for a disk request that is
# never answered, but for nothing else.

disk_down()
{
	written
	frontend "disk_load $SPARE"
	attribute blk spare live 0
	frontend "some_entropy; look_at_disk \$(disk $DISK); hears \$BACKEND"
	tcp_from_frontend 10.0.0.1 65536
}

last_checks()
{
	check "a disk is taken down in the middle of reads; all others go on" disk_down
}
