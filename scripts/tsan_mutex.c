// Tells ThreadSanitizer of the locks that `Synchronization.Mutex` takes in the kernel.
//
// Its quick paths are inlined into our code, where their atomics are seen. The slow ones are in
// libswiftSynchronization, which is not instrumented: they hand the lock over by a futex, and what
// two threads do under a lock that one of them had to wait for looks like a race. These functions
// stand before the library's in programs that scripts/sanitize.sh links, and call them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT_METHOD __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

void __tsan_acquire(void *address);
void __tsan_release(void *address);

// The names that Swift gives `_MutexHandle`'s methods.
SWIFT_METHOD void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT_METHOD bool try_lock_slow(SELF) __asm__(TRY_LOCK);
SWIFT_METHOD void unlock_slow(SELF) __asm__(UNLOCK);

typedef SWIFT_METHOD void (*lock_method)(uint32_t, SELF);
typedef SWIFT_METHOD bool (*try_lock_method)(SELF);
typedef SWIFT_METHOD void (*unlock_method)(SELF);

SWIFT_METHOD void lock_slow(uint32_t thread, SELF) {
  ((lock_method)dlsym(RTLD_NEXT, LOCK))(thread, self);
  __tsan_acquire(self);
}

SWIFT_METHOD bool try_lock_slow(SELF) {
  bool taken = ((try_lock_method)dlsym(RTLD_NEXT, TRY_LOCK))(self);
  if (taken) __tsan_acquire(self);
  return taken;
}

SWIFT_METHOD void unlock_slow(SELF) {
  __tsan_release(self);
  ((unlock_method)dlsym(RTLD_NEXT, UNLOCK))(self);
}
