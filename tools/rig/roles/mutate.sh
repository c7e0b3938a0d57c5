#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make mutations: run the programs that /environment names until one of their tests
# fails, and look at what is left behind

. /lib.sh
. /environment

# run PROGRAM: its output, up to the first failure, which ends all of this: the rig
# only wants to know whether there is one
run()
{
	passed=
	{
		"./$1" 2>&1
		echo "status $?"
	} | while read -r line; do
		echo "$line"
		case $line in
		"not ok "*)
			# "not ok 3 name" and perhaps " # comment"
			line=${line#not ok * }
			echo "! ${line%% *}"
			kill $$
			;;
		"ok "*"# SKIP"*)	;;
		"ok "*)			passed=1 ;;
		"status 0")
			[ "$passed" ] && continue
			echo "! $1 skips all its tests"
			kill $$
			;;
		"status "*)
			echo "! $1 ends with $line"
			kill $$
			;;
		esac
	done
}

# shellcheck disable=SC2086 # names
load_modules $MODULES
say "testing"
export BAO_MODULES=/modules
cd /kselftest/bao || fail "no /kselftest"
for program in $PROGRAMS; do
	run "$program"
done
# One complaint is enough; there may be thousands, which clean_log would take apart.
! dmesg | grep -m 1 -E 'WARNING:|BUG:' || fail "the kernel complained"
# shellcheck disable=SC2086 # names
unload_modules $MODULES
leaks
clean_log
clean_taint
