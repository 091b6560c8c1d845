package import Protobuf

/// The paths with commas between them, in lower camel case: `"displayName,config.twilio"`.
extension Google.Protobuf.FieldMask {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    var camel: [String] = []
    for path in paths {
      guard let text = Self.camelCase(path) else { throw .unrepresentable(type: Self.fullName) }
      camel.append(text)
    }
    json.string(camel.joined(separator: ","))
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    let text = try json.string()
    self.init()
    for path in text.split(separator: ",", omittingEmptySubsequences: false) where !text.isEmpty {
      guard let snake = Self.snakeCase(path) else { throw json.valueError("paths of fields") }
      paths.append(snake)
    }
  }

  /// `nil` where the way back would give another path.
  private static func camelCase(_ path: String) -> String? {
    var result = ""
    var capitalizes = false
    for character in path {
      if character == "_" {
        if capitalizes { return nil }
        capitalizes = true
      } else if capitalizes {
        guard character.isASCII, character.isLowercase else { return nil }
        result += character.uppercased()
        capitalizes = false
      } else {
        guard !character.isUppercase else { return nil }
        result.append(character)
      }
    }
    return capitalizes ? nil : result
  }

  private static func snakeCase(_ path: Substring) -> String? {
    var result = ""
    for character in path {
      if character == "_" { return nil }
      if character.isUppercase { result += "_" }
      result += character.lowercased()
    }
    return result
  }
}
