/// Why no code was generated.
package enum GeneratorError: Error, Hashable, CustomStringConvertible {
  /// The standard input is not what protoc writes there.
  case malformedInput
  /// A parameter is unknown or has no usable value.
  case badParameter(String)
  /// A file uses what the generator has no code for.
  case unsupported(file: String, feature: String)
  /// A file refers to a type that is in no file.
  case unknownType(String)
  /// No `owner` parameter says to which module a file belongs.
  case noOwner(file: String)

  package var description: String {
    switch self {
    case .malformedInput: "The input is not a CodeGeneratorRequest or FileDescriptorSet."
    case .badParameter(let text): "The parameter \(text) is not understood."
    case .unsupported(let file, let feature): "\(file): \(feature) is not supported."
    case .unknownType(let name): "The type \(name) is in no file."
    case .noOwner(let file): "\(file): no owner parameter names its module."
    }
  }
}
