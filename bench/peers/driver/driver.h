#pragma once

#include "driver/engine.h"

namespace tercel::peers {

// The program around an engine, the same for all:
//     PROGRAM MODEL [--threads N] [--pool-bytes N] [--spin 0|1] [--pin 0|1] [--library FILE]
//             [--prepared FILE] [--dimension NAME=N]... --input PORT... --output PORT...      (PORT: driver/port.h)
// Opens a session, runs it once and prints one JSON line: {"engine","version","isa","open_us","first_run_us","idle"}.
// Then each line of standard input is a command, answered by one JSON line; the process sleeps between them:
//     slice SECONDS RUNS   warms up, then runs for that long and at least so often: {"runs","p50"} of this slice
//     runs N               runs without keeping the times
//     times FILE           writes the microseconds of all slices' runs, as float32
//     outputs              runs on the first set: {"inputs","outputs"}, of each port the first values and the Euclidean norm
//     memory               driver/memory.h
// Ends at the end of its input. A failure prints {"error"} and exits with 1.
int drive(Engine& engine, int argc, char** argv);

}  // namespace tercel::peers
