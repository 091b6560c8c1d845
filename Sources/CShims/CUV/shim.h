#pragma once
#include <fcntl.h>
#include <sys/socket.h>
#include <uv.h>

#ifdef __linux__
// Behind _GNU_SOURCE in the headers, which a module can't define for its users.
extern int accept4(int listener, struct sockaddr *peer, socklen_t *size, int flags);
#endif

// A connection that waits at `listener`, non-blocking and closed by exec; -1 with errno.
static inline int cuv_accept(int listener) {
#ifdef __linux__
  return accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  int descriptor = accept(listener, 0, 0);
  if (descriptor < 0) return descriptor;
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  return descriptor;
#endif
}
