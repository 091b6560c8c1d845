internal import CPostgres
internal import StoreSQL

/// The parameters of one command in PostgreSQL's binary form, in one piece of memory.
///
/// Reused from command to command, so that a point read allocates nothing for it.
@safe struct PostgresParameters: ~Copyable {
  private var bytes: [UInt8] = []
  /// Where each value ends; -1 is NULL.
  private var ends: [Int] = []
  private var types: [Oid] = []
  private var formats: [Int32] = []

  /// A text holds U+0000, which PostgreSQL's text can't.
  struct HoldsNUL: Error {
    /// From 1, as in `$1`.
    let parameter: Int
  }

  /// int8, text and bytea (pg_type.dat); 0 leaves it to the server.
  static func oid(of value: SQLValue) -> Oid {
    switch value {
    case .null: 0
    case .integer: 20
    case .text: 25
    case .blob: 17
    }
  }

  /// Replaces what is held by `values`.
  mutating func encode(_ values: [SQLValue]) throws(HoldsNUL) {
    bytes.removeAll(keepingCapacity: bytes.capacity <= Self.bytesKeptMax)
    ends.removeAll(keepingCapacity: true)
    types.removeAll(keepingCapacity: true)
    while formats.count < values.count { formats.append(1) }
    for (index, value) in values.enumerated() {
      types.append(Self.oid(of: value))
      switch value {
      case .null:
        ends.append(-1)
        continue
      case .integer(let integer):
        unsafe withUnsafeBytes(of: integer.bigEndian) { unsafe bytes.append(contentsOf: $0) }
      case .text(let text):
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        if bytes[start...].contains(0) { throw HoldsNUL(parameter: index + 1) }
      case .blob(let blob):
        bytes.append(contentsOf: blob)
      }
      ends.append(bytes.count)
    }
    // An empty value has an address, too: without one it would be NULL.
    bytes.append(0)
  }

  /// The memory that is kept for the next command.
  private static let bytesKeptMax = 64 << 10

  /// Lends what libpq's send functions take: count, types, values, lengths, formats.
  func withPointers<R>(
    _ body: (
      Int32, UnsafePointer<Oid>?, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?,
      UnsafePointer<Int32>?
    ) -> R
  ) -> R {
    let count = ends.count
    return unsafe bytes.withUnsafeBytes { bytes in
      unsafe withUnsafeTemporaryAllocation(
        of: UnsafePointer<CChar>?.self, capacity: count + 1
      ) { values in
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: count + 1) { lengths in
          var start = 0
          for index in 0..<count {
            let end = ends[index]
            let isNull = end < 0
            let address = unsafe bytes.baseAddress?.advanced(by: start)
            unsafe values[index] =
              unsafe isNull ? nil : address?.assumingMemoryBound(to: CChar.self)
            unsafe lengths[index] = isNull ? 0 : Int32(end - start)
            if !isNull { start = end }
          }
          return unsafe types.withUnsafeBufferPointer { types in
            unsafe formats.withUnsafeBufferPointer { formats in
              unsafe body(
                Int32(count), types.baseAddress, values.baseAddress, lengths.baseAddress,
                formats.baseAddress)
            }
          }
        }
      }
    }
  }
}
