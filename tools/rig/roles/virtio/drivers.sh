# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: the frontend's drivers come and go in the middle of I/O

rebind_disk()
{
	written
	frontend "rebind_disk $DISK $ROUNDS"
	frontend "look_at_disk \$(disk $DISK)"
}

# serve_tcp: what the frontend's load is connected to
serve_tcp()
{
	[ ! -e /tmp/serving ] || return 0
	touch /tmp/serving
	nc -ll -p 5009 -e sh -c 'renice -n 19 $$; exec cat >/dev/null' &
	nc -ll -p 5010 -e sh -c 'renice -n 19 $$; exec cat /dev/zero' &
}

rebind_net()
{
	serve_tcp
	frontend "rebind_net $CARD $ROUNDS"
	tcp_from_frontend 10.0.0.1 65536
	tcp_to_frontend 10.0.0.1 65536
}

drivers_checks()
{
	check "disk: $ROUNDS times another driver in the middle of reads" rebind_disk
	check "card: $ROUNDS times another driver in the middle of TCP" rebind_net
	check "entropy: $ROUNDS times another driver in the middle of a read" \
		frontend "rebind_rng $RNG $ROUNDS"
}
