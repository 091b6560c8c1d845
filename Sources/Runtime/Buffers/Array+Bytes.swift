extension [UInt8] {
  /// Lends the bytes.
  @usableFromInline
  package func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try unsafe body(span.bytes)
  }
}
