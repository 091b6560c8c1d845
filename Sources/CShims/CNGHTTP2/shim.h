#pragma once
#include <nghttp2/nghttp2.h>
#include <stddef.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// How many bytes fit into a block of malloc's; 0 where malloc does not tell.
static inline size_t cnghttp2_usable_size(void *block) {
#ifdef __GLIBC__
  return malloc_usable_size(block);
#else
  return 0;
#endif
}
