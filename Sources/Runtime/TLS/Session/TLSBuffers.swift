internal import Buffers

/// The memory that all TLS sessions of one loop work in, so that an idle session has none.
///
/// A session uses it only while one of its methods runs. Use it on one loop only.
@safe package final class TLSBuffers {
  /// How much plaintext is told at once: what one read of a socket can hold, and a record more.
  static let plaintextSize = 96 << 10
  /// More memory than that is given back after a large write.
  private static let outputKeptMax = 256 << 10

  /// Ciphertext that OpenSSL has not taken yet; lent while a session receives.
  private var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
  /// Ciphertext to be sent. Empty between the calls of a session.
  private(set) var output = ByteWriter()
  let plaintext: UnsafeMutableRawBufferPointer

  package init() {
    unsafe plaintext = .allocate(byteCount: Self.plaintextSize, alignment: 16)
  }

  deinit { unsafe plaintext.deallocate() }

  /// Lends `bytes` to the BIO until ``endInput()``.
  func beginInput(_ bytes: UnsafeRawBufferPointer) { unsafe input = unsafe bytes }

  func endInput() { unsafe input = UnsafeRawBufferPointer(start: nil, count: 0) }

  var isInputEmpty: Bool { unsafe input.isEmpty }

  /// For the BIO: moves input to `target`, and says how much.
  func takeInput(into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = unsafe min(input.count, target.count)
    guard count > 0 else { return 0 }
    unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
    unsafe input = unsafe UnsafeRawBufferPointer(rebasing: input[count...])
    return count
  }

  /// For the BIO: adds ciphertext to be sent.
  func appendOutput(_ bytes: UnsafeRawBufferPointer) { unsafe output.append(copying: bytes) }

  /// Has `body` take the output, if there is any, and forgets it.
  func drainOutput(_ body: (borrowing ByteWriter) -> Void) {
    guard !output.isEmpty else { return }
    body(output)
    output.removeAll(keeping: Self.outputKeptMax)
  }
}
