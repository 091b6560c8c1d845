/// How long lines, files and functions may be.
enum ShapeRules {
  static let columnsMax = 100
  static let fileLinesMax = 399
  static let functionLinesMax = 69

  static func check(_ file: SourceFile) -> [Finding] {
    guard file.isSwift, !file.isGenerated else { return [] }
    var findings: [Finding] = []
    for (index, line) in file.lines.enumerated() where line.count > columnsMax {
      findings.append(
        Finding(
          rule: .columns, path: file.path, line: index + 1,
          message: "The line has \(line.count) columns; the limit is \(columnsMax)."))
    }
    if file.lines.count > fileLinesMax {
      findings.append(
        Finding(
          rule: .fileLength, path: file.path, line: fileLinesMax + 1,
          message: "The file has \(file.lines.count) lines; the limit is \(fileLinesMax)."
            + " Does it hold one idea?"))
    }
    for function in functions(in: file.code) where function.lineCount > functionLinesMax {
      findings.append(
        Finding(
          rule: .functionLength, path: file.path, line: function.line,
          message: "The function has \(function.lineCount) lines; the limit is \(functionLinesMax)."
        ))
    }
    return findings
  }

  /// A function's first line, counted from 1, and how many lines it spans.
  struct Function: Equatable {
    let line: Int
    let lineCount: Int
  }

  /// The functions, initialisers and subscripts of `code`, which holds no comments and no literals.
  static func functions(in code: [String]) -> [Function] {
    var functions: [Function] = []
    /// For each open brace: the line where its function began, or nil when it opens something else.
    var open: [Int?] = []
    /// The line of the declaration that waits for its brace.
    var declared: Int?
    for (index, line) in code.enumerated() {
      var word: [UInt8] = []
      var previous = UInt8(ascii: " ")
      func wordEnded() {
        if words.contains(word), previous != UInt8(ascii: ".") { declared = index + 1 }
        if let last = word.last { previous = last }
        word.removeAll(keepingCapacity: true)
      }
      for byte in line.utf8 {
        if SwiftText.isName(byte) {
          word.append(byte)
          continue
        }
        wordEnded()
        previous = byte
        if byte == UInt8(ascii: "{") {
          open.append(declared)
          declared = nil
        } else if byte == UInt8(ascii: "}") {
          declared = nil
          if let began = open.popLast() ?? nil {
            functions.append(Function(line: began, lineCount: index + 2 - began))
          }
        }
      }
      wordEnded()
    }
    return functions
  }

  private static let words: Set<[UInt8]> = Set(
    ["func", "init", "deinit", "subscript"].map { Array($0.utf8) })
}
