internal import Protobuf

/// Rewrites descriptors into ones of the same wire format that protoc-c 1.4.1 can serve.
///
/// - Strings become bytes: protobuf-c ends strings at NUL.
/// - `double` and `float` become `fixed64` and `fixed32`: protobuf-c takes minus zero for unset.
/// - `bool` becomes `uint64`: protobuf-c reads any wire type as a boolean.
/// - Enums become `int32`; proto3's are open, and their names are Swift's business.
/// - `proto3_optional` goes; its oneof of one member becomes a real one. A message needs none.
/// - `map_entry` goes: entries are messages.
/// - Names of fields and oneofs become `f<number>` and `o<index>`, which no C word or macro is.
/// - Services, options, comments, extensions and reserved names go, and `descriptor.proto`, which
///   only the extensions of options need.
enum CDescriptorRewriter {
  /// The serialized `FileDescriptorSet` of the rewritten `files`.
  static func rewrite(_ files: [FileProto]) -> [UInt8] {
    var set = WireWriter()
    for file in files where file.name != ModelBuilder.descriptorPath {
      set.field(1, bytes: rewrite(file))
    }
    return set.bytes
  }

  private static func rewrite(_ file: FileProto) -> [UInt8] {
    var result = WireWriter()
    result.field(1, string: file.name)
    result.field(2, string: file.package)
    for dependency in file.dependencies where dependency != ModelBuilder.descriptorPath {
      result.field(3, string: dependency)
    }
    for message in file.messages { result.field(4, bytes: rewrite(message)) }
    for index in file.publicDependencies { result.field(10, varint: UInt64(index)) }
    result.field(12, string: "proto3")
    return result.bytes
  }

  private static func rewrite(_ message: MessageProto) -> [UInt8] {
    let keptOneofs = message.oneofs.indices.filter { index in
      message.fields.contains { $0.oneofIndex == index && keepsOneof($0) }
    }
    var result = WireWriter()
    result.field(1, string: message.name)
    for field in message.fields { result.field(2, bytes: rewrite(field, keptOneofs)) }
    for nested in message.nested { result.field(3, bytes: rewrite(nested)) }
    for index in keptOneofs {
      var oneof = WireWriter()
      oneof.field(1, string: "o\(index)")
      result.field(8, bytes: oneof.bytes)
    }
    return result.bytes
  }

  private static func keepsOneof(_ field: FieldProto) -> Bool {
    !field.isProto3Optional || field.kind != .message
  }

  private static func rewrite(_ field: FieldProto, _ keptOneofs: [Int]) -> [UInt8] {
    var result = WireWriter()
    result.field(1, string: "f\(field.number)")
    result.field(3, varint: UInt64(field.number))
    result.field(4, varint: field.label.rawValue)
    result.field(5, varint: rewrite(field.kind).rawValue)
    if field.kind == .message { result.field(6, string: field.typeName) }
    if let packed = isPacked(field) {
      var options = WireWriter()
      options.field(2, varint: packed ? 1 : 0)
      result.field(8, bytes: options.bytes)
    }
    if let oneof = field.oneofIndex, keepsOneof(field),
      let position = keptOneofs.firstIndex(of: oneof)
    {
      result.field(9, varint: UInt64(position))
    }
    return result.bytes
  }

  /// protoc-c packs only what says so; proto3 packs what does not say otherwise.
  private static func isPacked(_ field: FieldProto) -> Bool? {
    guard field.label == .repeated else { return nil }
    switch field.kind {
    case .string, .bytes, .message, .group: return nil
    default: return field.isPacked ?? true
    }
  }

  private static func rewrite(_ kind: FieldProto.Kind) -> FieldProto.Kind {
    switch kind {
    case .double: .fixed64
    case .float: .fixed32
    case .string: .bytes
    case .bool: .uint64
    case .enum: .int32
    default: kind
    }
  }
}
