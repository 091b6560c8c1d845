internal import COpenSSL
internal import Glibc

/// A secret that came in a variable of the environment.
package enum SecretVariable {
  /// Its value, and wipes it where the kernel shows it (`/proc/PID/environ`) and removes it, so
  /// that nothing started later inherits it; nil when it is not set. Only a program calls it,
  /// before anything else reads the environment, while there is one thread.
  package static func take(_ name: String) -> LockedBytes? {
    guard let value = unsafe getenv(name) else { return nil }
    let count = unsafe strlen(value)
    let taken = LockedBytes(count: count) { span in
      for index in 0..<count { unsafe span[index] = UInt8(bitPattern: value[index]) }
    }
    unsafe OPENSSL_cleanse(value, count)
    unsafe _ = unsetenv(name)
    return taken
  }
}
