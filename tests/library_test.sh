#!/usr/bin/env bash
# libtercel.so as its users get it: it exports tercel_* and nothing else, needs nothing of the compile half, its header is C11
# and C++, and the example builds against an installed copy and runs.
# Usage: library_test.sh BUILD_DIR SOURCE_DIR PLAN
set -euo pipefail
build=$1 source=$2 plan=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

exported=$(nm -D --defined-only "$build/libtercel.so" | awk '{print $3}' | grep -v '^$')
grep -q '^tercel_run$' <<<"$exported" || { echo "tercel_run is not exported"; exit 1; }
others=$(grep -v '^tercel_' <<<"$exported" || true)
[ -z "$others" ] || { echo "exported, but not of the interface: $others"; exit 1; }
declared=$(cat "$source"/include/tercel/*.h | grep -oE '\btercel_[a-z_]+\(' | grep -vE '^tercel_(plan|session|binding|operators)\($' | tr -d '(' | sort -u)
missing=$(comm -23 <(echo "$declared") <(sort -u <<<"$exported"))
[ -z "$missing" ] || { echo "declared, but not exported: $missing"; exit 1; }
if nm -C "$build/libtercel.so" | grep -E 'tercel::(graph|onnx|passes|planner)::'; then echo "reaches into the compile half"; exit 1; fi

cmake --install "$build" --prefix "$work/prefix" --component library >/dev/null
flags=$(PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name tercel.pc)") pkg-config --cflags --libs tercel)
cflags=$(PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name tercel.pc)") pkg-config --cflags tercel)
library=$(dirname "$(find "$work/prefix" -name libtercel.so)")
cc=$(command -v cc || command -v gcc)
# shellcheck disable=SC2086
"$cc" -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Wpedantic -Werror "$source/examples/c/realtime.c" $flags -o "$work/realtime"
# shellcheck disable=SC2086
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -shared -fPIC "$source/examples/operators/biquad.c" $cflags -o "$work/biquad.so"
[ "$(nm -D --defined-only "$work/biquad.so" | awk '{print $3}')" = tercel_operators ] || { echo "biquad.so exports more than its list"; exit 1; }
printf '#include <tercel/operator.h>\n#include <tercel/tercel.h>\n' >"$work/header.cc"
# shellcheck disable=SC2086
g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror $flags -fsyntax-only "$work/header.cc"
LD_LIBRARY_PATH=$library "$work/realtime" "$plan"
LD_LIBRARY_PATH=$library "$work/realtime" "$plan" 1000000
if LD_LIBRARY_PATH=$library "$work/realtime" /dev/null; then echo "an empty file must be refused"; exit 1; fi
