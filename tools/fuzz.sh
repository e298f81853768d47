#!/usr/bin/env bash
# Runs every fuzzer of a fuzz build with the committed corpus: tools/fuzz.sh BUILD_DIR SECONDS_EACH.
# Stops at the first finding, and says which input made it.
set -euo pipefail
build=$1 seconds=$2
failed=0 count=0
while IFS= read -r fuzzer; do
  name=$(basename "$fuzzer" _fuzz)
  corpus=fuzz/corpus/$name
  work=$build/corpus/$name
  mkdir -p "$work" "$build/artifacts"
  echo "fuzzing $name for $seconds s"
  "$fuzzer" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="$build/artifacts/$name-" "$work" $( [ -d "$corpus" ] && echo "$corpus" ) >"$build/$name.log" 2>&1 || {
    failed=$((failed + 1)); tail -30 "$build/$name.log"; }
  grep -E 'stat::(number_of_executed_units|average_exec_per_sec)' "$build/$name.log" || true
  count=$((count + 1))
done < <(find "$build" -name '*_fuzz' -type f -perm -u+x | sort)
echo "$((count - failed)) passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
