/// How far compressed bytes may grow. A few KiB can stand for gigabytes: both bounds are checked
/// while the bytes are inflated, and never more than a chunk beyond them is kept.
package struct InflationLimits: Hashable, Sendable {
  /// The most bytes of one text once it is inflated.
  package var sizeMax: Int
  /// The most bytes that each compressed byte may become, once there are ``ratioFreeSize`` of them.
  /// The format's own limit is 1,032; JSON and protobuf of real programs stay below 100.
  package var ratioMax: Int
  /// Up to so many inflated bytes any ratio will do: a small text may well be all zeros.
  package var ratioFreeSize: Int

  package init(
    sizeMax: Int, ratioMax: Int = ratioMaxDefault, ratioFreeSize: Int = ratioFreeSizeDefault
  ) {
    precondition(sizeMax >= 0 && ratioMax >= 1 && ratioFreeSize >= 0, "limits below zero")
    self.sizeMax = sizeMax
    self.ratioMax = ratioMax
    self.ratioFreeSize = ratioFreeSize
  }

  /// What a compressed byte may become, beyond the first of a text.
  package static let ratioMaxDefault = 250
  /// The inflated bytes for which any ratio will do.
  package static let ratioFreeSizeDefault = 1 << 20
}

/// Why compressed bytes can't be read. Each is the fault of whoever sent them.
package enum InflationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes are not of the format, or were changed: a checksum may be wrong.
  case corrupt(CompressionFormat)
  /// The bytes end before the text does.
  case truncated(CompressionFormat)
  /// More bytes follow after the end of the text.
  case trailingBytes(CompressionFormat)
  /// The text is larger than ``InflationLimits/sizeMax``.
  case tooLarge(limit: Int)
  /// The text grows beyond ``InflationLimits/ratioMax``.
  case ratioExceeded(compressedSize: Int, limit: Int)

  package var description: String {
    switch self {
    case .corrupt(let format): "The bytes are not valid \(format.rawValue)."
    case .truncated(let format): "The \(format.rawValue) data ends too early."
    case .trailingBytes(let format): "Bytes follow the end of the \(format.rawValue) data."
    case .tooLarge(let limit): "Inflated, the bytes are more than the limit of \(limit)."
    case .ratioExceeded(let size, let limit):
      "\(size) compressed bytes become more than \(limit) times as many; that is the limit."
    }
  }
}
