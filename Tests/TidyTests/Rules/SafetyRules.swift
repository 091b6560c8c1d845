/// Where the C border may be seen, what guards shared state, and who may print.
enum SafetyRules {
  /// The targets that touch C memory. Generated code is exempt: the generator is tested.
  static let unsafeTargets: Set<String> = [
    "Buffers", "EventLoops", "TLS", "Crypto", "Compression", "HTTP2", "Protobuf", "HTTPClient",
    "HTTPServer", "NumberPlan", "StoreSQLite", "StorePostgres",
  ]

  /// The targets that speak to a person at a terminal.
  static let printingTargets: Set<String> = [
    "CommandLine", "trunkline", "trunklined", "carrier-sim", "protoc-gen-trunkline", "Bench",
    "protobuf-roundtrip", "interop-server", "interop-client", "Fuzz",
  ]

  static func check(_ file: SourceFile) -> [Finding] {
    guard file.isSwift, !file.isGenerated, let target = file.target else { return [] }
    var findings: [Finding] = []
    func report(_ rule: Rule, _ line: Int, _ message: String) {
      findings.append(Finding(rule: rule, path: file.path, line: line + 1, message: message))
    }
    for (index, line) in file.code.enumerated() {
      if SwiftText.contains(line, word: "unsafe"), !unsafeTargets.contains(target) {
        report(.unsafe, index, "`unsafe` belongs at the C border; lend \(target) a safe type.")
      }
      if SwiftText.contains(line, word: "print("), !printingTargets.contains(target) {
        report(.printing, index, "Only programs print; log through Telemetry.")
      }
      if line.contains("Mutex<("), line.contains("->") {
        report(
          .lockedClosure, index,
          "Put the closure into a struct: by itself it is wrapped again at each lock.")
      }
      let isUnchecked =
        line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)")
      if isUnchecked && !hasComment(file, at: index) {
        report(.unchecked, index, "Name, in a comment there, the executor or lock that guards it.")
      }
    }
    return findings
  }

  /// Whether the line itself, the lines right above it or the two below hold a comment.
  private static func hasComment(_ file: SourceFile, at index: Int) -> Bool {
    let below = file.lines[index..<min(index + 3, file.lines.count)]
    if below.contains(where: { $0.contains("//") }) { return true }
    var line = index - 1
    while line >= 0 {
      let text = file.lines[line].drop { $0 == " " }
      if text.hasPrefix("//") { return true }
      guard text.hasPrefix("@") else { return false }
      line -= 1
    }
    return false
  }
}
