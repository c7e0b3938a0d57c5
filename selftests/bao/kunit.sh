#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The results of the KUnit tests, which have run when bao.ko and bao_virtio.ko were
# loaded

RESULTS=/sys/kernel/debug/kunit

[ -d /sys/kernel/debug/kunit ] || mount -t debugfs none /sys/kernel/debug 2>/dev/null
set -- "$RESULTS"/bao_*
[ -e "$1" ] || {
	echo "1..0 # SKIP kernel or module without the tests (CONFIG_BAO_KUNIT_TEST)"
	exit 4
}

failed=0
total=0
echo "TAP version 13"
for suite; do
	name=${suite##*/}
	results=$(sed -n 's/^    \(not \)\{0,1\}ok [0-9]* \([a-z_0-9]*\).*/\1:\2/p' "$suite/results")
	for line in $(echo "$results" | tr -d ' '); do
		total=$((total + 1))
		case $line in
		not:*)
			failed=$((failed + 1))
			echo "not ok $total $name.${line#not:}"
			;;
		*)
			echo "ok $total $name.${line#:}"
			;;
		esac
	done
done
echo "1..$total"
echo "# Totals: pass:$((total - failed)) fail:$failed xfail:0 xpass:0 skip:0 error:0"
[ "$total" -gt 0 ] && [ "$failed" = 0 ]
