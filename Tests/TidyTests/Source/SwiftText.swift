/// Reads Swift text just far enough to tell code from comments and string literals.
enum SwiftText {
  /// The lines of `text`; a newline at the end opens no line of its own.
  static func lines(of text: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  /// `text` with comments and the contents of string literals made blank, line for line.
  /// Code inside an interpolation is code.
  static func code(of text: String) -> String {
    var scanner = Scanner(bytes: Array(text.utf8))
    return scanner.stripped()
  }

  /// Whether `word` stands in `line` with no letter, digit or `_` at a side that is one itself.
  static func contains(_ line: String, word: String) -> Bool {
    let line = Array(line.utf8)
    let word = Array(word.utf8)
    guard let head = word.first, let tail = word.last, line.count >= word.count else {
      return false
    }
    for start in 0...(line.count - word.count) where line[start] == head {
      guard line[start..<(start + word.count)].elementsEqual(word) else { continue }
      let end = start + word.count
      let opens = start == 0 || !isName(head) || !isName(line[start - 1])
      let closes = end == line.count || !isName(tail) || !isName(line[end])
      if opens && closes { return true }
    }
    return false
  }

  /// A byte of an identifier.
  static func isName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
    default: byte >= 0x80
    }
  }
}

/// Where the reader stands. The modes lie on a stack: a literal may hold code that holds a literal.
private struct Scanner {
  private enum Mode: Equatable {
    /// `depth` counts the open parentheses of an interpolation.
    case code(depth: Int)
    case literal(hashes: Int, isMultiline: Bool)
    case lineComment
    case blockComment
  }

  private let bytes: [UInt8]
  private var position = 0
  private var output: [UInt8] = []
  private var modes: [Mode] = [.code(depth: 0)]

  init(bytes: [UInt8]) {
    self.bytes = bytes
    output.reserveCapacity(bytes.count)
  }

  mutating func stripped() -> String {
    while position < bytes.count, let mode = modes.last {
      switch mode {
      case .code(let depth): readCode(depth)
      case .literal(let hashes, let isMultiline): readLiteral(hashes, isMultiline)
      case .lineComment:
        if bytes[position] == UInt8(ascii: "\n") { modes.removeLast() }
        blank(1)
      case .blockComment:
        if isNext("/*") {
          modes.append(.blockComment)
          blank(2)
        } else if isNext("*/") {
          modes.removeLast()
          blank(2)
        } else {
          blank(1)
        }
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  private mutating func readCode(_ depth: Int) {
    if isNext("//") {
      modes.append(.lineComment)
      blank(2)
    } else if isNext("/*") {
      modes.append(.blockComment)
      blank(2)
    } else if let opening = literalOpening() {
      modes.append(.literal(hashes: opening.hashes, isMultiline: opening.isMultiline))
      keep(opening.hashes + (opening.isMultiline ? 3 : 1))
    } else if bytes[position] == UInt8(ascii: "("), modes.count > 1 {
      modes[modes.count - 1] = .code(depth: depth + 1)
      keep(1)
    } else if bytes[position] == UInt8(ascii: ")"), modes.count > 1 {
      if depth == 0 { modes.removeLast() } else { modes[modes.count - 1] = .code(depth: depth - 1) }
      keep(1)
    } else {
      keep(1)
    }
  }

  private mutating func readLiteral(_ hashes: Int, _ isMultiline: Bool) {
    let fence = String(repeating: "#", count: hashes)
    let quote = isMultiline ? "\"\"\"" : "\""
    if isNext(quote + fence) {
      modes.removeLast()
      keep(quote.utf8.count + hashes)
    } else if isNext("\\" + fence + "(") {
      modes.append(.code(depth: 0))
      keep(2 + hashes)
    } else if isNext("\\" + fence) {
      blank(min(2 + hashes, bytes.count - position))
    } else if bytes[position] == UInt8(ascii: "\n"), !isMultiline {
      modes.removeLast()
      blank(1)
    } else {
      blank(1)
    }
  }

  private func literalOpening() -> (hashes: Int, isMultiline: Bool)? {
    var end = position
    while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
    guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return nil }
    let isTriple =
      end + 2 < bytes.count && bytes[end + 1] == UInt8(ascii: "\"")
      && bytes[end + 2] == UInt8(ascii: "\"")
    return (end - position, isTriple)
  }

  private func isNext(_ text: String) -> Bool {
    var at = position
    for byte in text.utf8 {
      guard at < bytes.count, bytes[at] == byte else { return false }
      at += 1
    }
    return true
  }

  private mutating func keep(_ count: Int) {
    output.append(contentsOf: bytes[position..<(position + count)])
    position += count
  }

  private mutating func blank(_ count: Int) {
    for _ in 0..<count {
      let byte = bytes[position]
      output.append(byte == UInt8(ascii: "\n") ? byte : UInt8(ascii: " "))
      position += 1
    }
  }
}
