internal import CUV

/// A libuv call failed.
package struct EventLoopError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, as in "bind".
  package let operation: String
  /// The negative errno that libuv reports.
  package let code: Int32

  package init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  package var description: String {
    let text = unsafe String(cString: uv_strerror(code))
    return "\(operation) failed: \(text)"
  }
}
