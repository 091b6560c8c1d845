internal import Protobuf

/// Reads descriptors from their wire format. The numbers are those of `descriptor.proto`.
///
/// It is written by hand so that the generator does not need its own output to be built.
enum DescriptorParser {
  /// Reads a serialized `FileDescriptorSet`.
  static func fileSet(_ bytes: [UInt8]) throws(DecodingError) -> [FileProto] {
    var files: [FileProto] = []
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      if number == 1 {
        files.append(try file(try reader.lengthDelimited()))
      } else {
        try reader.skip(tag)
      }
    }
    return files
  }

  /// Calls `body` for each field; it must read or skip the value.
  static func fields(
    of bytes: [UInt8],
    _ body: (UInt32, inout WireReader, WireTag) throws(DecodingError) -> Void
  ) throws(DecodingError) {
    var reader = WireReader(bytes)
    while let tag = try reader.nextTag() {
      try body(tag.field, &reader, tag)
    }
  }

  static func file(_ bytes: [UInt8]) throws(DecodingError) -> FileProto {
    var file = FileProto()
    var stripped = WireWriter()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      let start = reader.offset
      switch number {
      case 1: file.name = try reader.string()
      case 2: file.package = try reader.string()
      case 3: file.dependencies.append(try reader.string())
      case 4: file.messages.append(try message(try reader.lengthDelimited()))
      case 5: file.enums.append(try enumeration(try reader.lengthDelimited()))
      case 6: file.services.append(try service(try reader.lengthDelimited()))
      case 7: file.extensions.append(try extensionField(try reader.lengthDelimited()))
      case 9: file.comments = try comments(try reader.lengthDelimited())
      case 10: file.publicDependencies.append(Int(try reader.varint()))
      case 12: file.syntax = try reader.string()
      default: try reader.skip(tag)
      }
      if number != 9 {
        stripped.varint(UInt64(number) << 3 | UInt64(tag.type.rawValue))
        stripped.append(bytes[start..<reader.offset])
      }
    }
    file.serialized = stripped.bytes
    return file
  }

  static func message(_ bytes: [UInt8]) throws(DecodingError) -> MessageProto {
    var message = MessageProto()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      switch number {
      case 1: message.name = try reader.string()
      case 2: message.fields.append(try field(try reader.lengthDelimited()))
      case 3: message.nested.append(try self.message(try reader.lengthDelimited()))
      case 4: message.enums.append(try enumeration(try reader.lengthDelimited()))
      case 7: message.isMapEntry = try flag(7, of: try reader.lengthDelimited()) ?? false
      case 8: message.oneofs.append(try name(try reader.lengthDelimited()))
      default:
        message.hasExtensions = message.hasExtensions || number == 5 || number == 6
        try reader.skip(tag)
      }
    }
    return message
  }

  static func field(_ bytes: [UInt8]) throws(DecodingError) -> FieldProto {
    var field = FieldProto()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      switch number {
      case 1: field.name = try reader.string()
      case 3: field.number = UInt32(truncatingIfNeeded: try reader.varint())
      case 4:
        guard let label = FieldProto.Label(rawValue: try reader.varint()) else { throw .malformed }
        field.label = label
      case 5:
        guard let kind = FieldProto.Kind(rawValue: try reader.varint()) else { throw .malformed }
        field.kind = kind
      case 6: field.typeName = try reader.string()
      case 8: field.isPacked = try flag(2, of: try reader.lengthDelimited())
      case 9: field.oneofIndex = Int(try reader.varint())
      case 10: field.jsonName = try reader.string()
      case 17: field.isProto3Optional = try reader.varint() != 0
      default: try reader.skip(tag)
      }
    }
    return field
  }

  static func extensionField(_ bytes: [UInt8]) throws(DecodingError) -> ExtensionProto {
    var result = ExtensionProto()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      switch number {
      case 1: result.name = try reader.string()
      case 2: result.extendee = try reader.string()
      case 3: result.number = UInt32(truncatingIfNeeded: try reader.varint())
      default: try reader.skip(tag)
      }
    }
    return result
  }

  static func enumeration(_ bytes: [UInt8]) throws(DecodingError) -> EnumProto {
    var result = EnumProto()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      switch number {
      case 1: result.name = try reader.string()
      case 2: result.values.append(try enumValue(try reader.lengthDelimited()))
      default: try reader.skip(tag)
      }
    }
    return result
  }

  static func enumValue(_ bytes: [UInt8]) throws(DecodingError) -> EnumValueProto {
    var value = EnumValueProto()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      switch number {
      case 1: value.name = try reader.string()
      case 2: value.number = Int32(truncatingIfNeeded: try reader.varint())
      default: try reader.skip(tag)
      }
    }
    return value
  }

  static func service(_ bytes: [UInt8]) throws(DecodingError) -> ServiceProto {
    var service = ServiceProto()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      switch number {
      case 1: service.name = try reader.string()
      case 2: service.methods.append(try method(try reader.lengthDelimited()))
      default: try reader.skip(tag)
      }
    }
    return service
  }

  static func method(_ bytes: [UInt8]) throws(DecodingError) -> MethodProto {
    var method = MethodProto()
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      switch number {
      case 1: method.name = try reader.string()
      case 2: method.input = try reader.string()
      case 3: method.output = try reader.string()
      case 4: method.options = try reader.lengthDelimited()
      case 5: method.streamsRequests = try reader.varint() != 0
      case 6: method.streamsResponses = try reader.varint() != 0
      default: try reader.skip(tag)
      }
    }
    return method
  }

  /// The first field, a string, as every descriptor with nothing but a name of interest has it.
  private static func name(_ bytes: [UInt8]) throws(DecodingError) -> String {
    var name = ""
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      if number == 1 { name = try reader.string() } else { try reader.skip(tag) }
    }
    return name
  }

  /// A string of an options message; `nil` where it is not set.
  static func text(_ wanted: UInt32, of bytes: [UInt8]) throws(DecodingError) -> String? {
    var text: String?
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      if number == wanted { text = try reader.string() } else { try reader.skip(tag) }
    }
    return text
  }

  /// A boolean of an options message.
  private static func flag(
    _ wanted: UInt32, of bytes: [UInt8]
  ) throws(DecodingError) -> Bool? {
    var flag: Bool?
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      if number == wanted { flag = try reader.varint() != 0 } else { try reader.skip(tag) }
    }
    return flag
  }

  /// The leading comments of a `SourceCodeInfo`.
  private static func comments(_ bytes: [UInt8]) throws(DecodingError) -> [[Int32]: String] {
    var comments: [[Int32]: String] = [:]
    try fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
      guard number == 1 else { return try reader.skip(tag) }
      let location = try reader.lengthDelimited()
      var path: [Int32] = []
      var comment = ""
      try fields(of: location) { (number, reader, tag) throws(DecodingError) in
        switch number {
        case 1:
          var packed = WireReader(try reader.lengthDelimited())
          while !packed.isAtEnd { path.append(Int32(truncatingIfNeeded: try packed.varint())) }
        case 3: comment = try reader.string()
        default: try reader.skip(tag)
        }
      }
      if !comment.isEmpty { comments[path] = comment }
    }
    return comments
  }
}
