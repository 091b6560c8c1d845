internal import Glibc

/// Core dumps of this process, which would hold its secrets.
package enum CoreDumps {
  /// Allows none from now on, here and in children. What can't be set stays as it is: the limit
  /// was then lower already.
  package static func switchOff() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    unsafe _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  }
}
