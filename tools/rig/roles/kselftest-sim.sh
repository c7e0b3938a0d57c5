#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make kselftest, plain machine: run the collection on the simulator, by the
# kernel's runner, and look at what is left behind

. /lib.sh
. /environment

GCOV=/sys/kernel/debug/gcov

# save_counts: send what GCOV has counted to the rig. Its files tell no size: what
# packs them has to be given copies. They lie where the modules were built, /.../src/.
save_counts()
{
	find $GCOV -name '*.gcda' | while read -r file; do
		copy=/tmp/gcda/src/${file##*/src/}
		mkdir -p "${copy%/*}"
		cat "$file" >"$copy"
	done
	tar -C /tmp/gcda -cz src | base64 | sed 's/^/= /'
}

# Errors that tests ask for are no news.
for verbose in /sys/kernel/debug/fail*/verbose; do
	[ ! -e "$verbose" ] || echo 0 >"$verbose"
done
# shellcheck disable=SC2086 # names
load_modules $MODULES
run_kselftest
leaks
[ ! -e $GCOV ] || save_counts
# What a module still refers to when it goes has leaked as well
# shellcheck disable=SC2086 # names
unload_modules $MODULES
leaks
clean_log
clean_taint
