/// One reflection stream, apart from the version of its messages: questions in, answers out.
struct ReflectionSession {
  enum Question {
    case file(name: String)
    case symbol(String)
    case `extension`(type: String, number: Int32)
    case extensionNumbers(type: String)
    case services
    case unknown
  }

  enum Answer: Equatable {
    /// Serialized FileDescriptorProto messages.
    case files([[UInt8]])
    case extensionNumbers(type: String, [Int32])
    case services([String])
    /// A gRPC status code with its text.
    case error(code: Int32, String)
  }

  private let index: DescriptorIndex
  /// Files that the client has got.
  private var sent: Set<String> = []

  init(_ index: DescriptorIndex) { self.index = index }

  mutating func answer(_ question: Question) -> Answer {
    switch question {
    case .file(let name):
      return files(name, orMissing: "file")
    case .symbol(let symbol):
      // Some clients ask with the dot of a fully qualified name.
      let name = symbol.hasPrefix(".") ? String(symbol.dropFirst()) : symbol
      return files(index.fileOfSymbol[name], orMissing: "symbol")
    case .extension(let type, let number):
      return files(index.fileOfExtension[type]?[number], orMissing: "extension")
    case .extensionNumbers(let type):
      guard index.fileOfSymbol[type] != nil else { return Self.missing("type") }
      let numbers = index.fileOfExtension[type]?.keys.sorted() ?? []
      return .extensionNumbers(type: type, numbers)
    case .services:
      return .services(index.services)
    case .unknown:
      return .error(code: 3, "The request asks nothing that the server knows.")
    }
  }

  /// The file, and of its imports those that the client has not got.
  private mutating func files(_ name: String?, orMissing what: String) -> Answer {
    guard let name, index.files[name] != nil else { return Self.missing(what) }
    var found: [[UInt8]] = []
    for file in index.closure(of: name) where file.name == name || !sent.contains(file.name) {
      sent.insert(file.name)
      found.append(file.bytes)
    }
    return .files(found)
  }

  private static func missing(_ what: String) -> Answer {
    .error(code: 5, "The server has no such \(what).")
  }
}
