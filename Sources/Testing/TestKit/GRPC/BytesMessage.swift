package import Buffers
package import Protobuf

/// A message whose wire format is its bytes, for tests of calls; `0xFF` as the first byte can't be
/// decoded.
package struct BytesMessage: Message {
  package static let fullName = "trunkline.testing.Bytes"
  package var bytes: [UInt8] = []

  package init() {}

  package init(_ text: String) { bytes = Array(text.utf8) }

  package init(bytes: [UInt8]) { self.bytes = bytes }

  package init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError) {
    var writer = ByteWriter(capacity: bytes.byteCount)
    writer.append(bytes)
    self.bytes = writer.array()
    if self.bytes.first == 0xff { throw .malformed }
  }

  package var serializedSize: Int { bytes.count }

  package func serialize(into writer: inout ByteWriter) { writer.append(bytes) }

  package var text: String { String(decoding: bytes, as: UTF8.self) }
}
