/// One `.proto` file, as `google/protobuf/descriptor.proto` describes it; what the generator does
/// not use is left out.
struct FileProto: Equatable {
  var name = ""
  var package = ""
  var dependencies: [String] = []
  var publicDependencies: [Int] = []
  var messages: [MessageProto] = []
  var enums: [EnumProto] = []
  var services: [ServiceProto] = []
  var extensions: [ExtensionProto] = []
  var syntax = "proto2"
  /// The comments before declarations, by the path of the declaration in the descriptor.
  var comments: [[Int32]: String] = [:]
  /// The descriptor as it came, without source information; for reflection.
  var serialized: [UInt8] = []
}

struct MessageProto: Equatable {
  var name = ""
  var fields: [FieldProto] = []
  var nested: [MessageProto] = []
  var enums: [EnumProto] = []
  var oneofs: [String] = []
  var isMapEntry = false
  var hasExtensions = false
}

struct FieldProto: Equatable {
  /// `FieldDescriptorProto.Label`.
  enum Label: UInt64 {
    case optional = 1
    case required = 2
    case repeated = 3
  }

  /// `FieldDescriptorProto.Type`.
  enum Kind: UInt64 {
    case double = 1
    case float = 2
    case int64 = 3
    case uint64 = 4
    case int32 = 5
    case fixed64 = 6
    case fixed32 = 7
    case bool = 8
    case string = 9
    case group = 10
    case message = 11
    case bytes = 12
    case uint32 = 13
    case `enum` = 14
    case sfixed32 = 15
    case sfixed64 = 16
    case sint32 = 17
    case sint64 = 18
  }

  var name = ""
  var number: UInt32 = 0
  var label = Label.optional
  var kind = Kind.int32
  /// The full name of the message or enum with a leading dot.
  var typeName = ""
  var jsonName = ""
  var oneofIndex: Int?
  var isProto3Optional = false
  /// What `[packed = …]` says; `nil` where nothing is said.
  var isPacked: Bool?
}

/// An `extend` at the top of a file.
struct ExtensionProto: Equatable {
  var name = ""
  var number: UInt32 = 0
  /// The full name of the extended message with a leading dot.
  var extendee = ""
}

struct EnumProto: Equatable {
  var name = ""
  var values: [EnumValueProto] = []
}

struct EnumValueProto: Equatable {
  var name = ""
  var number: Int32 = 0
}

struct ServiceProto: Equatable {
  var name = ""
  var methods: [MethodProto] = []
}

struct MethodProto: Equatable {
  var name = ""
  var input = ""
  var output = ""
  var streamsRequests = false
  var streamsResponses = false
  /// The `MethodOptions`, as they came.
  var options: [UInt8] = []
}
