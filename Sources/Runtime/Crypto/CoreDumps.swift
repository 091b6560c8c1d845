internal import COpenSSL
internal import Glibc

/// Core dumps of this process, which would hold its secrets.
package enum CoreDumps {
  /// Allows none from now on: no file, here and in children, and nothing for a program that the
  /// system pipes dumps to; the memory can't be read by the user's other processes, either. What
  /// can't be set stays as it is: the limit was then lower already.
  ///
  /// Swift's own report of a crash goes, too: it writes the registers and the memory that they
  /// point to into the log. A crash still says its reason, and ends the process by its signal.
  package static func switchOff() {
    for number in [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGBUS, SIGSEGV] {
      var standard = sigaction()
      unsafe _ = sigaction(number, &standard, nil)
    }
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    unsafe _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    // A limit of 0 doesn't stop a dump into a pipe (core(5)); this does.
    _ = COpenSSL_forbid_dumps()
  }
}
