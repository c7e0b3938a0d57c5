#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make ipc, both VMs: exchange messages with the other one, by each way there is. One
# of them takes its end down in between, and brings it back.

. /lib.sh
. /environment

begin()
{
	for module in bao bao_ipc bao_mailbox; do
		insmod /modules/$module.ko || fail "$module.ko does not load"
	done
	[ -c /dev/baoipc0 ] || fail "there is no /dev/baoipc0"
}

# The other one knows nothing of it, and may be ringing.
restart()
{
	[ -n "$RESTART" ] || return 0
	rmmod bao_mailbox bao_ipc bao || fail "the modules do not unload"
	begin
	say "took the channel down, and brought it back"
}

# exchange WAY COUNT TEXT
exchange()
{
	/ipc_peer "$1" $offset "$2" || fail "the exchange has failed"
	say "$2 $3"
	offset=$((offset + 65536))
}

begin
# The first bytes are those of bao_test_ipc
offset=65536
exchange calls "$COUNT" "messages each way, by calls"
restart
exchange mapping "$COUNT" "messages each way, by mapping"
restart
exchange events "$COUNT" "rounds through all events, and none that nobody has was heard"
restart
exchange storm $((COUNT / 10)) "messages each way, while both rang another event all the time"
case $ECHO in
ask)
	/ipc_peer echo 0 "$COUNT" || fail "the other VM's mailbox client does not answer"
	say "$COUNT messages to a mailbox client, and back"
	;;
serve)
	insmod /modules/bao_test_ipc.ko ipc=0 mailbox=1 || fail "bao_test_ipc.ko does not load"
	until frontend_off; do
		usleep 10000
	done
	rmmod bao_test_ipc || fail "bao_test_ipc.ko does not unload"
	;;
esac
cd /sys/bus/auxiliary/devices/bao.ipc.0/statistics || fail "no statistics"
say "doorbells heard: $(cat doorbells), rung: $(cat notifies), refused: $(cat notify_errors)"
[ "$(cat notify_errors)" = 0 ] || fail "the hypervisor has refused doorbells"
clean_log
