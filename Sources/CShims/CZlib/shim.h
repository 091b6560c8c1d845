#pragma once
#include <zlib.h>

// zlib makes these with macros that pass its version and the size of its struct.
static inline int CZlib_inflateInit2(z_stream *stream, int window_bits) {
  return inflateInit2(stream, window_bits);
}

static inline int CZlib_deflateInit2(
    z_stream *stream, int level, int window_bits, int memory_level) {
  return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
