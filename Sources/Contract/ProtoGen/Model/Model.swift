/// A file with all names resolved, as the renderers need it.
struct FileModel: Equatable {
  var path: String
  var package: String
  /// The Swift namespace, such as `Trunkline.V1`.
  var namespace: String
  var owner: GeneratorParameters.Owner
  var comment: String?
  var messages: [MessageModel]
  var enums: [EnumModel]
  var services: [ServiceModel]
  /// The imported files' paths.
  var dependencies: [String]
  var serialized: [UInt8]
}

/// A type that a field or a method names.
struct TypeReference: Equatable {
  let fullName: String
  /// The Swift name from its root.
  let swiftName: String
  let cType: String
  let owner: GeneratorParameters.Owner
  /// Of an enum the case whose number is 0.
  let zeroCase: String?

  var isEnum: Bool { zeroCase != nil }
}

struct MessageModel: Equatable {
  var fullName: String
  /// The name within its parent.
  var swiftName: String
  var reference: TypeReference
  var comment: String?
  var fields: [FieldModel]
  var oneofs: [OneofModel]
  var nested: [MessageModel]
  var enums: [EnumModel]
  /// The C structures of the map entries, which are no messages in Swift.
  var mapEntries: [String]
  var isRecursive: Bool
}

/// What a singular value is.
enum ValueKind: Equatable {
  case scalar(FieldProto.Kind)
  case message(TypeReference)
  case `enum`(TypeReference)
}

struct FieldModel: Equatable {
  enum Cardinality: Equatable {
    /// Without presence: the default is not written.
    case implicit
    /// With presence by `optional`, as the only member of the C structure's oneof `o<n>`.
    case optional(Int)
    /// A message, which always has presence.
    case message
    case repeated
    case map(entry: String, entryFullName: String, key: FieldProto.Kind)
    /// A member of the message's oneof with this index.
    case oneof(Int)
  }

  var number: UInt32
  var protoName: String
  var jsonName: String
  var swiftName: String
  /// The value; of a map the entries' value.
  var kind: ValueKind
  var cardinality: Cardinality
  /// Whether the value is on a cycle of messages, and must be stored behind a reference.
  var isBoxed: Bool
  var comment: String?
}

struct OneofModel: Equatable {
  /// Its place in the C structure: the members `o<index>_case`.
  var index: Int
  var swiftName: String
  var typeName: String
  var isIndirect: Bool
  var comment: String?
}

struct EnumModel: Equatable {
  struct Case: Equatable {
    var number: Int32
    var swiftName: String
    var protoName: String
    /// The name of the first case with the same number, which this one is another name for.
    var aliasOf: String?
    var comment: String?
  }

  var fullName: String
  var swiftName: String
  var cases: [Case]
  var comment: String?
}

struct ServiceModel: Equatable {
  var fullName: String
  var swiftName: String
  var methods: [MethodModel]
  var comment: String?
}

struct MethodModel: Equatable {
  var protoName: String
  var swiftName: String
  var input: TypeReference
  var output: TypeReference
  var streamsRequests: Bool
  var streamsResponses: Bool
  /// What the option `required_scope` says; `nil` where it is not set.
  var requiredScope: String?
  var comment: String?
}
