package import Buffers
package import Protobuf

/// The messages that `GRPC` needs, until the generated ones take their place.
package enum Google {
  package enum Protobuf {}
  package enum Rpc {}
}

extension Google.Protobuf {
  /// google.protobuf.Any
  package struct `Any`: Message {
    package static let fullName = "google.protobuf.Any"
    package var typeURL = ""
    package var value: [UInt8] = []

    package init() {}

    package init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError) {
      throw .malformed
    }

    package var serializedSize: Int {
      fieldSize(typeURL.utf8.count) + fieldSize(value.count)
    }

    package func serialize(into writer: inout ByteWriter) {
      appendField(1, Array(typeURL.utf8), to: &writer)
      appendField(2, value, to: &writer)
    }
  }
}

extension Google.Rpc {
  /// google.rpc.Status
  package struct Status: Message {
    package static let fullName = "google.rpc.Status"
    package var code: Int32 = 0
    package var message = ""
    package var details: [Google.Protobuf.`Any`] = []

    package init() {}

    package init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError) {
      throw .malformed
    }

    package var serializedSize: Int {
      (code == 0 ? 0 : 2) + fieldSize(message.utf8.count)
        + details.reduce(0) { $0 + max(fieldSize($1.serializedSize), 2) }
    }

    package func serialize(into writer: inout ByteWriter) {
      if code != 0 {
        writer.append(0x08)
        writer.append(UInt8(truncatingIfNeeded: code) & 0x7f)
      }
      appendField(2, Array(message.utf8), to: &writer)
      for detail in details {
        writer.append(0x1a)
        appendVarint(detail.serializedSize, to: &writer)
        detail.serialize(into: &writer)
      }
    }
  }
}

private func fieldSize(_ length: Int) -> Int {
  length == 0 ? 0 : 1 + varintSize(length) + length
}

private func varintSize(_ value: Int) -> Int {
  var size = 1
  var rest = value >> 7
  while rest > 0 {
    size += 1
    rest >>= 7
  }
  return size
}

private func appendVarint(_ value: Int, to writer: inout ByteWriter) {
  var rest = value
  while rest > 0x7f {
    writer.append(UInt8(rest & 0x7f) | 0x80)
    rest >>= 7
  }
  writer.append(UInt8(rest))
}

private func appendField(_ number: UInt8, _ bytes: [UInt8], to writer: inout ByteWriter) {
  guard !bytes.isEmpty else { return }
  writer.append(number << 3 | 2)
  appendVarint(bytes.count, to: &writer)
  writer.append(bytes)
}
