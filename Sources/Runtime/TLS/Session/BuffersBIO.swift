internal import COpenSSL

/// A BIO over ``TLSBuffers``: OpenSSL's side of a session reads and writes there, without a memory
/// BIO's own buffers, which would stay as large as they ever were.
@safe final class BuffersBIO: @unchecked Sendable {
  // @unchecked: written in `init` only; OpenSSL only reads a method.
  static let shared = BuffersBIO()

  private let method: OpaquePointer

  private init() {
    let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
    guard let method = unsafe BIO_meth_new(kind, "session buffers") else {
      preconditionFailure("BIO_meth_new failed")
    }
    unsafe self.method = method
    unsafe _ = BIO_meth_set_read_ex(method, read)
    unsafe _ = BIO_meth_set_write_ex(method, write)
    unsafe _ = BIO_meth_set_ctrl(method, control)
  }

  /// A BIO over `buffers`, which must outlive it. Its caller owns it.
  func make(over buffers: TLSBuffers) -> OpaquePointer {
    guard let bio = unsafe BIO_new(method) else { preconditionFailure("BIO_new failed") }
    unsafe BIO_set_data(bio, Unmanaged.passUnretained(buffers).toOpaque())
    unsafe BIO_set_init(bio, 1)
    return unsafe bio
  }
}

private func buffers(of bio: OpaquePointer?) -> TLSBuffers? {
  guard let data = unsafe BIO_get_data(bio) else { return nil }
  return unsafe Unmanaged<TLSBuffers>.fromOpaque(data).takeUnretainedValue()
}

private func read(
  _ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ size: Int,
  _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
  unsafe COpenSSL_BIO_clear_retry_flags(bio)
  let target = unsafe UnsafeMutableRawBufferPointer(start: target, count: size)
  let taken = unsafe buffers(of: bio)?.takeInput(into: target) ?? 0
  unsafe count?.pointee = taken
  if taken > 0 { return 1 }
  unsafe COpenSSL_BIO_set_retry_read(bio)
  return 0
}

private func write(
  _ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ size: Int,
  _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
  unsafe COpenSSL_BIO_clear_retry_flags(bio)
  unsafe buffers(of: bio)?.appendOutput(UnsafeRawBufferPointer(start: source, count: size))
  unsafe count?.pointee = size
  return 1
}

/// A flush has nothing to do and succeeds; other commands are not known.
private func control(
  _: OpaquePointer?, _ command: Int32, _: Int, _: UnsafeMutableRawPointer?
) -> Int { command == BIO_CTRL_FLUSH ? 1 : 0 }
