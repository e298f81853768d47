#!/usr/bin/env bash
# The run half stands alone: tercel-run works, and neither it nor the libraries it is made of knows a symbol of the compile half.
# Usage: run_half_test.sh TERCEL_RUN PLAN LIBRARY...
set -euo pipefail
run=$1 plan=$2
shift 2
compile_half='tercel::(graph|onnx|passes|planner|compress|train|optimize)::'
"$run" "$plan"
"$run" /dev/null && { echo "an empty file must be refused"; exit 1; }
for file in "$run" "$@"; do
  symbols=$(nm -C "$file" 2>/dev/null)
  # The list is not empty: a stripped file would prove nothing.
  grep -q 'tercel::' <<<"$symbols" || { echo "$file shows no symbols"; exit 1; }
  if grep -E "$compile_half" <<<"$symbols"; then echo "$file reaches into the compile half"; exit 1; fi
done
