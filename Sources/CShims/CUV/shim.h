#pragma once
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <uv.h>

#ifdef __linux__
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
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

// Has the kernel drop every SYN for `listener` and take all else; -1 with errno. Elsewhere: 0.
static inline int cuv_drop_syn(int listener) {
#ifdef __linux__
  // A filter sees a segment from its TCP header on; byte 13 has the flags (RFC 9293, section 3.1).
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
#else
  return 0;
#endif
}

// TCP_USER_TIMEOUT, where there is one; -1 with errno.
static inline int cuv_set_user_timeout(int descriptor, unsigned milliseconds) {
#ifdef __linux__
  return setsockopt(
    descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
#else
  return 0;
#endif
}

// How many bytes the allocator holds that nobody uses; 0 where it does not say.
static inline size_t cuv_free_memory(void) {
#ifdef __GLIBC__
  return mallinfo2().fordblks;
#else
  return 0;
#endif
}

// Has blocks of more than so many bytes mapped one by one, and all others come from heaps. Unless
// this is called, the allocator raises that size itself, up to 32 MiB.
static inline void cuv_set_heap_block_max(int size) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, size);
#endif
}

// How many free bytes the end of each heap may have before free(3) gives them back. The allocator
// reads it without a lock, as one word.
static inline void cuv_set_heap_end_max(int size) {
#ifdef __GLIBC__
  mallopt(M_TRIM_THRESHOLD, size);
#endif
}

// Gives free memory back to the system, but for the ends of the heaps of threads other than main.
static inline void cuv_trim_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

// Gives the end of the calling thread's heap back, where it is longer than it may be: free(3) looks
// at that whenever it has freed 64 KiB or more, and nothing else does.
static inline void cuv_trim_heap_end(void) {
#ifdef __GLIBC__
  void *volatile block = malloc(128 << 10);
  free(block);
#endif
}

// Lets others come before the calling thread where CPUs are few: it gets about a tenth of what a
// thread of normal priority gets, and a thread that wakes does not wait for it. On Linux priorities
// are those of threads.
static inline void cuv_give_way(void) {
#ifdef __linux__
  setpriority(PRIO_PROCESS, 0, 10);
  // From 6.6 on a thread that wakes waits until the one that runs has had its slice, which ends at a
  // tick of the kernel's, up to 4 ms later; since 6.12 only if its own slice is no shorter. Earlier
  // kernels ignore the slice. struct sched_attr, which not all headers have (sched_setattr(2)):
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice, deadline, period;
  } attributes = {.size = 48, .nice = 10, .slice = 20000000};
  syscall(SYS_sched_setattr, 0, &attributes, 0);
#endif
}
