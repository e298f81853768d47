#!/usr/bin/env bash
# Runs every fuzzer of a fuzz build with the committed corpus, as many at a time as there are CPUs:
#   tools/fuzz.sh BUILD_DIR SECONDS_EACH
# Shows the input that made a finding, and ends with how many fuzzers found nothing.
set -euo pipefail

fuzz_one() {
  local build=$1 seconds=$2 fuzzer=$3 name log corpus=()
  name=$(basename "$fuzzer" _fuzz) log=$build/$name.log
  mkdir -p "$build/corpus/$name" "$build/artifacts"
  [ ! -d "fuzz/corpus/$name" ] || corpus=("fuzz/corpus/$name")
  if "$fuzzer" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="$build/artifacts/$name-" "$build/corpus/$name" ${corpus[@]+"${corpus[@]}"} >"$log" 2>&1; then
    echo "ok    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
  else
    tail -30 "$log"
    echo "FAIL  $name: see $log and $build/artifacts"
    return 1
  fi
}
export -f fuzz_one

build=$1 seconds=$2
mapfile -t fuzzers < <(find "$build" -name '*_fuzz' -type f -perm -u+x | sort)
[ ${#fuzzers[@]} -gt 0 ] || { echo "no fuzzer in $build" >&2; exit 1; }
echo "fuzzing ${#fuzzers[@]} parsers for $seconds s each"
results=$(mktemp)
trap 'rm -f "$results"' EXIT
printf '%s\n' "${fuzzers[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$@"' _ "$build" "$seconds" {} | tee "$results" || true
passed=$(grep -c '^ok ' "$results" || true)
echo "$passed passed, $((${#fuzzers[@]} - passed)) failed"
[ "$passed" -eq ${#fuzzers[@]} ]
