# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: a device model in a process hands its queues to vhost. Data do not come by
# the process then: kicks are signals of ioeventfds.

# signals DM
signals()
{
	cat "/sys/bus/auxiliary/devices/bao.remio.$1/statistics/signals"
}

vhost_net()
{
	before=$(signals "$VHOST_NET")
	frontend "card_up $VHOST_NET 10.0.1.2; hears 10.0.1.1"
	tcp_from_frontend 10.0.1.1 $((PORT_MIB * MIB))
	tcp_to_frontend 10.0.1.1 $((PORT_MIB * MIB))
	[ "$(signals "$VHOST_NET")" -gt "$before" ] || fail "no kick has gone to vhost"
	frontend "rebind $VHOST_NET 0; card_up $VHOST_NET 10.0.1.2; hears 10.0.1.1"
}

# echo_vsock: the frontend compares what comes back of what it sends
echo_vsock()
{
	/bin/vsock -l 5003 /bin/busybox cat >/tmp/vsock &
	until [ -s /tmp/vsock ]; do
		alive $! || fail "vsock has ended"
		usleep 1000
	done
	frontend "vsock 2 5003 /bin/sh -c '/bin/stream $MIB 5 & exec /bin/stream -c $MIB 5'"
	wait $! || fail "the backend's end of the session has failed"
}

vhost_vsock()
{
	before=$(signals "$VHOST_VSOCK")
	echo_vsock
	[ "$(signals "$VHOST_VSOCK")" -gt "$before" ] || fail "no kick has gone to vhost"
	frontend "rebind $VHOST_VSOCK 0"
	echo_vsock
}

vhost_checks()
{
	check "$PORT_MIB MiB by TCP each way over vhost-net" vhost_net
	check "a session over vhost-vsock, before and after a reset" vhost_vsock
}
