internal import Buffers
internal import CProtobufC

/// Tells messages that are read in no time from those that take a thread for long.
///
/// What a message costs has little to do with its size: two million empty fields are 4 MB, as is
/// one field of bytes. So its fields are counted, along its declaration and without allocating.
package enum DecodingCost {
  /// Messages below so many bytes never take long.
  package static var sizeMin: Int { 16 << 10 }
  /// Messages from so many bytes on take long, whatever is in them.
  static let sizeMax = 1 << 20
  /// A message takes long that costs more: about a quarter of a millisecond. A field counts 1, and
  /// so do 256 bytes of text and 8 of packed numbers.
  static let costMax = 8_000
  private static let textBytes = 256
  private static let numberBytes = 8
  /// Messages that nest deeper take long.
  private static let depthMax = 100

  /// Whether `bytes`, a message of the type `descriptor`, cost more than ``costMax``.
  @unsafe static func isLong(
    _ bytes: UnsafeRawBufferPointer, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> Bool {
    var left = costMax
    unsafe spend(&left, on: bytes, as: descriptor, depth: 0)
    return left < 0
  }

  @unsafe private static func spend(
    _ left: inout Int, on bytes: UnsafeRawBufferPointer,
    as descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) {
    guard depth <= depthMax else {
      left = -1
      return
    }
    var cursor = unsafe WireCursor(bytes)
    // What is no protobuf is refused where it breaks off.
    while left >= 0, let field = unsafe try? cursor.field() {
      left -= 1
      guard let value = unsafe field.value else { continue }
      let declaration = unsafe field.declaration(in: descriptor)
      if let nested = unsafe declaration?.pointee.messages {
        unsafe spend(&left, on: value, as: nested, depth: depth + 1)
        continue
      }
      switch unsafe declaration?.pointee.type {
      case nil, PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_TYPE_STRING:
        left -= value.count / textBytes
      default:
        left -= value.count / numberBytes
      }
    }
  }
}

extension GeneratedMessage {
  package static func takesLong(serialized bytes: RawSpan) -> Bool {
    guard bytes.byteCount >= DecodingCost.sizeMin else { return false }
    guard bytes.byteCount < DecodingCost.sizeMax else { return true }
    return unsafe withUnsafeTemporaryAllocation(
      byteCount: Arena.firstChunkSize, alignment: 16
    ) { chunk in
      // An empty message in C names its type.
      var arena = unsafe Arena(firstChunk: chunk, byteCountMax: .max)
      let structure = unsafe Self().copy(into: &arena)
        .assumingMemoryBound(to: ProtobufCMessage.self)
      guard let descriptor = unsafe structure.pointee.descriptor else { return true }
      return unsafe bytes.withUnsafeBytes { unsafe DecodingCost.isLong($0, as: descriptor) }
    }
  }
}
