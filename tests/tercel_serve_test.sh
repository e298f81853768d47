#!/usr/bin/env bash
# tercel-serve is the run half alone: it knows no symbol of the compile half, and says what is wrong when it can't start.
# Usage: tercel_serve_test.sh TERCEL_SERVE
set -euo pipefail
serve=$1
symbols=$(nm -C "$serve")
# The list is not empty: a stripped file would prove nothing.
grep -q 'tercel::engine::' <<<"$symbols" || { echo "$serve shows no symbols"; exit 1; }
if grep -E 'tercel::(graph|onnx|passes|planner|compress|train|optimize|cli::load)|protozero' <<<"$symbols"; then
  echo "$serve reaches into the compile half"
  exit 1
fi

# expect STATUS TEXT ARGUMENTS...: the exit status, and what stderr or stdout must hold.
expect() {
  local status=$1 text=$2 output actual=0
  shift 2
  output=$("$serve" "$@" 2>&1) || actual=$?
  [ "$actual" = "$status" ] || { echo "$*: exit $actual, expected $status: $output"; exit 1; }
  grep -q -- "$text" <<<"$output" || { echo "$*: '$text' is not in: $output"; exit 1; }
}
expect 0 '--model-repository' --help
expect 2 '--model-repository is required'
expect 2 'not expected' --model-repository . --unknown
expect 1 'cannot read the model repository /nonexistent' --model-repository /nonexistent
expect 1 'insecure' --model-repository . --http-address 0.0.0.0 --http-port 0
OTEL_EXPORTER_OTLP_ENDPOINT=https://127.0.0.1:4318 expect 1 'plain http alone' --model-repository .
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_TRACES_SAMPLER=sometimes expect 1 'OTEL_TRACES_SAMPLER is' --model-repository .
expect 1 'not an IP address' --model-repository . --http-address nowhere
