/// What a target declares, read just far enough to tell whether a documentation link leads to it.
struct Declarations: Sendable {
  /// Types at the top of hand-written files that the whole target sees.
  private(set) var types: Set<String> = []
  /// What each type has, by its name wherever it is nested: types, properties, cases, and functions
  /// by their name alone and with their labels, as `write(to:_:)`. What has no type is under "".
  private var members: [String: Set<String>] = [:]

  /// Adds what `file` declares.
  mutating func read(_ file: SourceFile) {
    var reader = DeclarationReader(code: file.code)
    reader.read()
    for (owner, names) in reader.members { members[owner, default: []].formUnion(names) }
    if !file.isGenerated { types.formUnion(reader.types) }
  }

  /// Whether a type of this name is declared, nested or not.
  func hasType(_ name: Substring) -> Bool { members[String(name)] != nil }

  /// Whether `path` (`Type`, `Type/member`, `member`) leads somewhere. The last two parts count; a
  /// name by itself may be anybody's, as beside its own type.
  func leads(_ path: ArraySlice<Substring>) -> Bool {
    guard let last = path.last else { return false }
    guard let owner = path.dropLast().last else {
      return members.values.contains { $0.contains(String(last)) }
    }
    return members[String(owner)]?.contains(String(last)) == true
  }
}

/// Reads the declarations of one file. Bodies of functions are passed over.
private struct DeclarationReader {
  private(set) var members: [String: Set<String>] = ["": []]
  private(set) var types: Set<String> = []

  private let tokens: [String]
  private var position = 0
  /// For each open brace the type whose body it opens, or `nil` for any other.
  private var open: [String?] = []
  /// The type whose body comes next.
  private var declared: String?

  init(code: [String]) {
    var tokens: [String] = []
    var word: [UInt8] = []
    func wordEnded() {
      if !word.isEmpty { tokens.append(String(decoding: word, as: UTF8.self)) }
      word.removeAll(keepingCapacity: true)
    }
    for line in code {
      for byte in line.utf8 {
        if SwiftText.isName(byte) {
          word.append(byte)
          continue
        }
        wordEnded()
        // A name in backticks is that name.
        if byte != UInt8(ascii: " "), byte != UInt8(ascii: "`") {
          tokens.append(String(decoding: [byte], as: UTF8.self))
        }
      }
      wordEnded()
    }
    self.tokens = tokens
  }

  mutating func read() {
    while position < tokens.count {
      let token = tokens[position]
      switch token {
      case "{":
        open.append(declared)
        declared = nil
      case "}":
        _ = open.popLast()
        declared = nil
      case "struct", "class", "enum", "protocol", "actor", "extension":
        readType(isExtension: token == "extension")
      default:
        if isInTypeOrOutside { readMember(token) }
      }
      position += 1
    }
  }

  private var isInTypeOrOutside: Bool { open.last.map { $0 != nil } ?? true }

  private var owner: String { (open.last { $0 != nil } ?? nil) ?? "" }

  private func token(_ index: Int) -> String { tokens.indices.contains(index) ? tokens[index] : "" }

  private func isName(_ token: String) -> Bool {
    token.utf8.first.map { SwiftText.isName($0) } ?? false
  }

  private mutating func readType(isExtension: Bool) {
    guard token(position - 1) != ".", isName(token(position + 1)),
      !["func", "var", "let"].contains(token(position + 1))
    else { return }
    let isPrivate = ["private", "fileprivate"].contains { modifiers.contains($0) }
    position += 1
    var name = tokens[position]
    while token(position + 1) == ".", isName(token(position + 2)) {
      position += 2
      name = tokens[position]
    }
    declared = name
    members[name, default: []].formUnion([])
    guard !isExtension else { return }
    add(name)
    if open.isEmpty, !isPrivate { types.insert(name) }
  }

  /// The words before the declaration that belong to it.
  private var modifiers: ArraySlice<String> {
    var start = position
    while start > 0, isName(tokens[start - 1]) || tokens[start - 1] == "@" { start -= 1 }
    return tokens[start..<position]
  }

  private mutating func readMember(_ token: String) {
    guard self.token(position - 1) != "." else { return }
    switch token {
    case "func" where isName(self.token(position + 1)):
      position += 1
      addFunction(tokens[position])
    case "init", "subscript":
      addFunction(token)
    case "var", "let", "typealias", "associatedtype":
      add(self.token(position + 1))
    case "case":
      readCases()
    default:
      break
    }
  }

  private mutating func readCases() {
    repeat {
      position += 1
      let name = token(position)
      add(name)
      if token(position + 1) == "(" {
        position += 1
        add(name + labels(areOptional: true))
      }
      position += 1
      if token(position) == "=" { passRawValue() }
    } while token(position) == ","
    position -= 1
  }

  private mutating func passRawValue() {
    position += 1
    if token(position) == "-" { position += 1 }
    // A literal's contents are blank.
    position += token(position) == "\"" ? 2 : 1
  }

  private mutating func addFunction(_ name: String) {
    add(name)
    while !["(", "{", "}", ""].contains(token(position)) { position += 1 }
    if token(position) == "(" {
      add(name + labels(areOptional: false))
    } else {
      position -= 1
    }
  }

  private mutating func add(_ name: String) { members[owner, default: []].insert(name) }

  /// The labels of the parameters that begin here, as `(to:_:)`, up to their end. Where labels
  /// `areOptional`, as a case's, a word without a colon is a type.
  private mutating func labels(areOptional: Bool) -> String {
    var text = "("
    var depth = 0
    var isFirst = false
    while position < tokens.count {
      let token = tokens[position]
      switch token {
      case "(", "[", "{", "<":
        depth += 1
        if depth == 1 { isFirst = true }
      case ")", "]", "}":
        depth -= 1
      case ">" where self.token(position - 1) != "-":
        depth -= 1
      default:
        break
      }
      if depth == 0 { break }
      if depth == 1, isFirst, token != "(" {
        text += areOptional && self.token(position + 1) != ":" ? "_:" : token + ":"
        isFirst = false
      }
      if depth == 1, token == "," { isFirst = true }
      position += 1
    }
    return text + ")"
  }
}
