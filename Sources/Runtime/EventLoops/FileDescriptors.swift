internal import Glibc

/// The process's bound on descriptors, which sockets are.
package enum FileDescriptors {
  /// How many the process may have open (RLIMIT_NOFILE, the soft limit).
  package static var countMax: Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return 1024
    }
    return Int(clamping: limit.rlim_cur)
  }
}
