/// A key of the deployment, for tokens that say nothing to who reads them. Every dispatch has the
/// same.
package protocol TokenKey: Sendable {
  /// 32 bytes that nobody makes of these without the key. The first of the bytes say what they are
  /// for: no two uses have the same.
  func code(of bytes: [UInt8]) -> [UInt8]
}
