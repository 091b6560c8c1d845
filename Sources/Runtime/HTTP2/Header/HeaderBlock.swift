internal import Buffers

/// A header block that came, lent for one call: names are told apart, values are bytes.
@safe package struct HeaderBlock: ~Copyable {
  /// The fields, each as ``HeaderStorage`` wrote it.
  private let bytes: UnsafeRawBufferPointer
  /// Whether fields are missing because the block broke a bound.
  package let isTruncated: Bool
  /// The same number for blocks of a session with the same fields, which come one after another:
  /// calls of one client nearly always look alike.
  package let version: Int

  init(borrowing bytes: UnsafeRawBufferPointer, isTruncated: Bool, version: Int) {
    unsafe self.bytes = bytes
    self.isTruncated = isTruncated
    self.version = version
  }

  /// Calls `body` with each field in its order: its name told apart, its name and its value.
  package borrowing func visitFields(_ body: (HeaderName, RawSpan, RawSpan) -> Void) {
    var offset = 0
    while unsafe offset < bytes.count {
      let field = unsafe HeaderStorage.Field(bytes, at: offset)
      let name = unsafe UnsafeRawBufferPointer(
        rebasing: bytes[field.nameOffset..<field.valueOffset])
      let value = unsafe UnsafeRawBufferPointer(rebasing: bytes[field.valueOffset..<field.end])
      unsafe body(field.name, RawSpan(_unsafeBytes: name), RawSpan(_unsafeBytes: value))
      offset = field.end
    }
  }
}
