#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make kselftest: run the collection in the backend, by the kernel's runner

. /lib.sh

# Without it, the tests would take this for a real Bao and skip most of themselves
[ -d /proc/device-tree/test-port@b000000 ] || fail "no test port in the device tree"
load_modules bao bao_remio bao_ipc
. /environment
run_kselftest
clean_log

# Power off with requests outstanding; tools/rig/kselftest looks at what becomes of them
/kselftest/bao/hold_request >/tmp/held &
until grep -q held /tmp/held; do
	alive $! || fail "hold_request has ended"
done
