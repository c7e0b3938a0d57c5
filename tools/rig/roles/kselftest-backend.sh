#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make kselftest: run the collection in the backend, by the kernel's runner

. /lib.sh

# The runner gives up on a test after a time if there is a timeout program, but
# uses an option that busybox does not know and that makes no difference here.
rm -f /usr/bin/timeout
cat >/usr/bin/timeout <<'END'
#!/bin/sh
[ "$1" != --foreground ] || shift
exec /bin/busybox timeout "$@"
END
chmod +x /usr/bin/timeout

# Without it, the tests would take this for a real Bao and skip most of themselves
[ -d /proc/device-tree/test-port@b000000 ] || fail "no test port in the device tree"
load_modules
cd /kselftest || fail "no /kselftest"
. /environment
export BAO_MODULES=/modules
# Long runs take more time than the limit in the settings
./run_kselftest.sh ${BAO_ROUNDS:+-o 14400}
clean_log

# Power off with requests outstanding; tools/rig/kselftest looks at what becomes of them
bao/hold_request >/tmp/held &
until grep -q held /tmp/held; do
	alive $! || fail "hold_request has ended"
done
