#pragma once

// Include this before anything of Highway. SSE4 (and PCLMUL) is the least that this folder is compiled for; a host without it
// gets no rows of this folder (targets.h). Without this line Highway would also compile a scalar emulation, which the
// reference kernels make pointless.
#define HWY_WANT_SSE4 1
