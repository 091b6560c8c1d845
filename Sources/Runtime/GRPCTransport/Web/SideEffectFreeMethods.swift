internal import GRPC
internal import Protobuf

/// The methods that their contract marks as free of side effects, which may be called by GET.
enum SideEffectFreeMethods {
  /// Their paths. A descriptor that can't be read was generated wrongly; its methods are not among
  /// them.
  static func paths(of services: [Router.RegisteredService]) -> Set<String> {
    var paths: Set<String> = []
    for service in services {
      try? visit(service.fileDescriptorSet, field: 1) { (file) throws(DecodingError) in
        try add(file: file, to: &paths)
      }
    }
    return paths
  }

  // The numbers are those of google/protobuf/descriptor.proto.

  private static func add(
    file: [UInt8], to paths: inout Set<String>
  ) throws(DecodingError) {
    let package = try string(file, field: 2)
    try visit(file, field: 6) { (service) throws(DecodingError) in
      let name = try string(service, field: 1)
      try visit(service, field: 2) { (method) throws(DecodingError) in
        var isFree = false
        try visit(method, field: 4) { (options) throws(DecodingError) in
          isFree = try idempotencyLevel(options) == 1
        }
        guard isFree else { return }
        let service = package.isEmpty ? name : "\(package).\(name)"
        paths.insert("/\(service)/\(try string(method, field: 1))")
      }
    }
  }

  /// `MethodOptions.idempotency_level`; 1 is NO_SIDE_EFFECTS.
  private static func idempotencyLevel(_ options: [UInt8]) throws(DecodingError) -> UInt64 {
    var level: UInt64 = 0
    var reader = WireReader(options)
    while let tag = try reader.nextTag() {
      if tag.field == 34, tag.type == .varint {
        level = try reader.varint()
      } else {
        try reader.skip(tag)
      }
    }
    return level
  }

  private static func string(_ message: [UInt8], field: UInt32) throws(DecodingError) -> String {
    var text = ""
    try visit(message, field: field) { (bytes) throws(DecodingError) in
      text = String(decoding: bytes, as: UTF8.self)
    }
    return text
  }

  /// Calls `body` with every value of a length-delimited field.
  private static func visit(
    _ message: [UInt8], field: UInt32, _ body: ([UInt8]) throws(DecodingError) -> Void
  ) throws(DecodingError) {
    var reader = WireReader(message)
    while let tag = try reader.nextTag() {
      if tag.field == field, tag.type == .lengthDelimited {
        try body(try reader.lengthDelimited())
      } else {
        try reader.skip(tag)
      }
    }
  }
}
