/// How names of the contract become names in Swift and C.
enum Names {
  /// Words that a property named `x_id` or `x_url` shows in capitals, as Swift's own API does.
  private static let acronyms: [String: String] = [
    "id": "ID", "ids": "IDs", "url": "URL", "urls": "URLs", "uri": "URI", "sid": "SID",
    "http": "HTTP", "https": "HTTPS", "json": "JSON",
  ]

  private static let keywords: Set<String> = [
    "Any", "as", "associatedtype", "break", "case", "catch", "class", "continue", "default",
    "defer", "deinit", "do", "else", "enum", "extension", "fallthrough", "false", "fileprivate",
    "for", "func", "guard", "if", "import", "in", "init", "inout", "internal", "is", "let", "nil",
    "operator", "precedencegroup", "private", "protocol", "public", "repeat", "rethrows", "return",
    "static", "struct", "subscript", "super", "switch", "throw", "throws", "true", "try",
    "typealias", "var", "where", "while",
  ]

  /// What generated types already have.
  private static let members: Set<String> = [
    "self", "Self", "Type", "Protocol", "unknownFields", "serializedSize", "fullName", "hashValue",
    "isJSONDefault", "rawValue", "protoName", "protoNames", "unrecognized", "isRecursive",
    "hasOwnJSONForm", "cDescriptor", "acceptsJSONNull", "description",
  ]

  /// `name` where Swift takes it as an identifier.
  static func escaped(_ name: String) -> String {
    if members.contains(name) { return name + "_" }
    return keywords.contains(name) ? "`\(name)`" : name
  }

  /// `display_name` as `displayName`, `provider_id` as `providerID`.
  static func property(_ name: String) -> String {
    escaped(lowerCamel(name.split(separator: "_").map { uncapitalized(String($0)) }))
  }

  /// `STATE_ACTIVE` of the enum `State` as `active`.
  static func enumCase(_ name: String, of enumName: String) -> String {
    let prefix = upperSnake(enumName) + "_"
    var rest = name
    if name.uppercased().hasPrefix(prefix), name.count > prefix.count {
      rest = String(name.dropFirst(prefix.count))
      if let first = rest.first, first.isNumber { rest = name }
    }
    return escaped(lowerCamel(rest.split(separator: "_").map { $0.lowercased() }))
  }

  /// `agent_service` as `AgentService`; what is in camel case stays.
  static func type(_ name: String) -> String {
    let joined = name.split(separator: "_").map { capitalized(String($0)) }.joined()
    return escaped(joined)
  }

  /// `CreateAgent` as `createAgent`, `URLFor` as `urlFor`.
  static func method(_ name: String) -> String {
    escaped(uncapitalized(name))
  }

  private static func lowerCamel(_ words: [String]) -> String {
    guard let first = words.first else { return "_" }
    let rest = words.dropFirst().map { acronyms[$0] ?? capitalized($0) }
    return first + rest.joined()
  }

  static func capitalized(_ word: String) -> String {
    word.prefix(1).uppercased() + word.dropFirst()
  }

  private static func uncapitalized(_ word: String) -> String {
    let capitals = word.prefix { $0.isUppercase }.count
    let count = capitals > 1 && capitals < word.count ? capitals - 1 : capitals
    return word.prefix(count).lowercased() + word.dropFirst(count)
  }

  private static func upperSnake(_ name: String) -> String {
    var result = ""
    var previous: Character = "_"
    let characters = Array(name)
    for (index, character) in characters.enumerated() {
      let next = index + 1 < characters.count ? characters[index + 1] : "_"
      if character.isUppercase, previous != "_",
        !previous.isUppercase || (next.isLowercase && next != "_")
      {
        result += "_"
      }
      result.append(contentsOf: character.uppercased())
      previous = character
    }
    return result
  }

  /// What protoc-c makes of a full name for a structure: `Trunkline__V1__Provider__LabelsEntry`.
  static func cType(_ fullName: String) -> String {
    fullName.split(separator: ".").map { part in
      part.split(separator: "_").map { capitalized(String($0)) }.joined()
    }.joined(separator: "__")
  }

  /// What protoc-c makes of a full name for a symbol: `trunkline__v1__provider__labels_entry`.
  static func cSymbol(_ fullName: String) -> String {
    fullName.split(separator: ".").map { part in
      var result = ""
      var wasUpper = true
      for character in part {
        if character.isUppercase, !wasUpper { result += "_" }
        wasUpper = character.isUppercase
        result.append(contentsOf: character.lowercased())
      }
      return result
    }.joined(separator: "__")
  }

  /// The JSON name that protoc gives a field: `display_name` as `displayName`.
  static func json(_ name: String) -> String {
    var result = ""
    var capitalizes = false
    for character in name {
      if character == "_" {
        capitalizes = true
      } else {
        result.append(contentsOf: capitalizes ? character.uppercased() : String(character))
        capitalizes = false
      }
    }
    return result
  }
}
