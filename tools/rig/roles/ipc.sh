#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make ipc, both VMs: exchange messages with the other one, by each way there is

. /lib.sh
. /environment

for module in bao bao_ipc bao_mailbox; do
	insmod /modules/$module.ko || fail "$module.ko does not load"
done
[ -c /dev/baoipc0 ] || fail "there is no /dev/baoipc0"
# The first bytes are those of bao_test_ipc
offset=65536
for way in calls mapping; do
	/ipc_peer "$way" $offset "$COUNT" || fail "the exchange has failed"
	say "$COUNT messages each way, by $way"
	offset=$((offset + 65536))
done
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
