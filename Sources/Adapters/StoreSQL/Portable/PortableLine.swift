internal import FoundationEssentials

/// One line of an export.
///
/// ```
/// {"schema":{"calls":2,"registry":2},"trunkline_export":1}
/// {"columns":["region","tenant",…],"table":"providers"}
/// {"row":["us1",7,null,{"bytes":"<base64>"},…],"sha256":"<32 hex digits>"}     for each row
/// {"end":"providers","rows":1,"sha256":"<64 hex digits>"}
/// …                                                                            for each table
/// {"end":"export","tables":17}
/// ```
///
/// A row's `sha256` are the first 16 bytes of the digest over its table's name and its values; a
/// table's is the digest over those of its rows, in their order. Documents are bytes, as they are
/// stored: secrets in them are sealed, and open with the same keyring only.
struct PortableLine: Codable, Hashable {
  var trunklineExport: Int?
  var schema: [String: Int]?
  var table: String?
  var columns: [String]?
  var row: [Cell]?
  var sha256: String?
  var end: String?
  var rows: Int?
  var tables: Int?

  enum CodingKeys: String, CodingKey {
    case trunklineExport = "trunkline_export"
    case schema, table, columns, row, sha256, end, rows, tables
  }

  /// The one version of the format.
  static let version = 1

  struct Cell: Codable, Hashable {
    let value: SQLValue

    private struct Bytes: Codable {
      let bytes: Data
    }

    init(_ value: SQLValue) { self.value = value }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        value = .null
      } else if let integer = try? container.decode(Int64.self) {
        value = .integer(integer)
      } else if let text = try? container.decode(String.self) {
        value = .text(text)
      } else {
        value = .blob(Array(try container.decode(Bytes.self).bytes))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch value {
      case .null: try container.encodeNil()
      case .integer(let integer): try container.encode(integer)
      case .text(let text): try container.encode(text)
      case .blob(let bytes): try container.encode(Bytes(bytes: Data(bytes)))
      }
    }
  }

  var bytes: [UInt8] { StoredDocument.encode(self) }

  init() {}

  /// nil when the bytes are no line of an export.
  init?(_ bytes: [UInt8]) {
    guard let line = try? StoredDocument.decode(PortableLine.self, bytes) else { return nil }
    self = line
  }

  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }
}
