internal import Buffers

/// Metadata as it came over a wire: names and texts in one piece of memory, where `-bin` values
/// are base64. It is read entry by entry only when a handler asks for one.
package struct MetadataBlock: ~Copyable {
  private var writer = ByteWriter()

  package init() {}

  package var isEmpty: Bool { writer.isEmpty }

  /// What became of an entry that came.
  package enum Arrival: Hashable, Sendable {
    case taken
    /// A `-bin` value is not base64: whoever sent it can't have meant that.
    case notBase64
    /// The name or the text is one that HTTP knows and gRPC does not: it is left out. An error is
    /// not allowed (PROTOCOL-HTTP2, ASCII-Value), and a handler that echoes what it was given must
    /// not trip over it.
    case leftOut
  }

  /// Appends an entry that is ``Arrival/taken``, and nothing of any other.
  ///
  /// Several `-bin` values joined by "," are as many entries (PROTOCOL-HTTP2, Custom-Metadata).
  package mutating func append(name: RawSpan, value: RawSpan) -> Arrival {
    let size = name.byteCount
    guard size > 0, name.allBytes(Metadata.isInName) else { return .leftOut }
    if size > 4, name.extracting((size - 4)..<size).equals("-bin") {
      let parts = value.array().split(
        separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      guard parts.allSatisfy({ Base64.decode($0.trimmingSpaces()) != nil }) else {
        return .notBase64
      }
    } else if !value.allBytes(Metadata.isInText) {
      return .leftOut
    }
    writer.append(UInt8(truncatingIfNeeded: size >> 8))
    writer.append(UInt8(truncatingIfNeeded: size))
    for shift in [24, 16, 8, 0] {
      writer.append(UInt8(truncatingIfNeeded: value.byteCount >> shift))
    }
    writer.append(name)
    writer.append(value)
    return .taken
  }

  /// Forgets all entries and keeps the memory.
  package mutating func removeAll() { writer.removeAll() }

  /// Whether `metadata` was made from a block with the same bytes.
  package borrowing func isSource(of metadata: Metadata) -> Bool {
    guard let wire = metadata.wire else { return false }
    return writer.withBytes { $0.equals(wire) }
  }

  /// The entries, to be read when they are asked for.
  package borrowing func metadata() -> Metadata {
    writer.isEmpty ? Metadata() : Metadata(wire: writer.array())
  }
}

extension Metadata {
  /// The first value of `name` as it came, found without reading the others.
  static func firstValue(of name: String, in wire: [UInt8]) -> ArraySlice<UInt8>? {
    var offset = 0
    while offset + 6 <= wire.count {
      let nameSize = Int(wire[offset]) << 8 | Int(wire[offset + 1])
      let valueSize = (2..<6).reduce(0) { $0 << 8 | Int(wire[offset + $1]) }
      let nameEnd = offset + 6 + nameSize
      if name.utf8.count == nameSize, name.utf8.elementsEqual(wire[(offset + 6)..<nameEnd]) {
        return wire[nameEnd..<(nameEnd + valueSize)]
      }
      offset = nameEnd + valueSize
    }
    return nil
  }

  /// The entries of what a ``MetadataBlock`` wrote.
  static func entries(wire: [UInt8]) -> [Entry] {
    var entries: [Entry] = []
    var offset = 0
    while offset + 6 <= wire.count {
      let nameSize = Int(wire[offset]) << 8 | Int(wire[offset + 1])
      let valueSize = (2..<6).reduce(0) { $0 << 8 | Int(wire[offset + $1]) }
      let nameEnd = offset + 6 + nameSize
      let name = String(decoding: wire[(offset + 6)..<nameEnd], as: UTF8.self)
      let value = wire[nameEnd..<(nameEnd + valueSize)]
      if name.hasSuffix("-bin") {
        for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
          let bytes = Base64.decode(part.trimmingSpaces()) ?? []
          entries.append(Entry(name: name, value: .binary(bytes)))
        }
      } else {
        entries.append(Entry(name: name, value: .text(String(decoding: value, as: UTF8.self))))
      }
      offset = nameEnd + valueSize
    }
    return entries
  }
}

extension ArraySlice<UInt8> {
  /// Without the spaces around it, which a list in a header may have.
  fileprivate func trimmingSpaces() -> ArraySlice<UInt8> {
    var slice = self
    while slice.first == UInt8(ascii: " ") { slice.removeFirst() }
    while slice.last == UInt8(ascii: " ") { slice.removeLast() }
    return slice
  }
}
