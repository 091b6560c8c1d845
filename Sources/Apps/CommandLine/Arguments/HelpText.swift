/// The help of one command, made from its declaration.
struct HelpText<Action: Sendable> {
  /// Columns of a line.
  static var width: Int { 88 }
  /// The longest name that its summary stands beside; longer ones get a line of their own.
  static var nameWidthMax: Int { 26 }

  let chain: [Command<Action>]
  let syntax: CommandSyntax<Action>

  var text: String {
    guard let command = chain.last else { return "" }
    var sections: [String] = [Self.wrap(command.summary, indent: 0)]
    for paragraph in command.discussion.split(separator: "\n") {
      sections.append(Self.wrap(String(paragraph), indent: 0))
    }
    sections.append("Usage: " + usage(of: command))
    switch command.body {
    case .group(let commands):
      sections.append(section("Commands", commands.map { ($0.name, $0.summary) }))
    case .action(let positionals, _):
      let rows = positionals.map { ($0.declaration.name, $0.declaration.summary) }
      if !rows.isEmpty { sections.append(section("Arguments", rows)) }
    }
    var own = command.options.map { row($0.declaration) }
    own.append(("-h, --help", "Prints this."))
    if chain.count == 1 { own.append(("--version", "Prints the version.")) }
    sections.append(section("Options", own))
    let inherited = chain.dropLast().flatMap { $0.options.map { row($0.declaration) } }
    if !inherited.isEmpty { sections.append(section("Options of every command", inherited)) }
    if let appendix = command.appendix {
      sections.append(section(appendix.title, appendix.rows.map { ($0.name, $0.summary) }))
    }
    if !command.examples.isEmpty {
      let lines = command.examples.map { "  \($0.text)\n" + Self.wrap($0.summary, indent: 6) }
      sections.append("Examples:\n" + lines.joined(separator: "\n"))
    }
    return sections.joined(separator: "\n\n") + "\n"
  }

  private func usage(of command: Command<Action>) -> String {
    var words = [chain.map(\.name).joined(separator: " ")]
    switch command.body {
    case .group:
      words.append("[options] COMMAND")
    case .action(let positionals, _):
      words.append("[options]")
      for option in command.options.map(\.declaration) where option.isRequired {
        words.append("\(option.flag) \(option.placeholder)")
      }
      for positional in positionals.map(\.declaration) {
        let name = positional.isRepeated ? "\(positional.name)…" : positional.name
        words.append(positional.isRequired ? name : "[\(name)]")
      }
    }
    return words.joined(separator: " ")
  }

  private func row(_ option: OptionDeclaration) -> (String, String) {
    var name = option.short.map { "\($0), " } ?? ""
    name += option.flag
    if option.arity != .flag { name += " \(option.placeholder)" }
    var notes: [String] = []
    if option.isRequired { notes.append("required") }
    if let text = option.defaultText { notes.append("default: \(text)") }
    if option.arity == .repeated { notes.append("may be repeated") }
    if let variable = syntax.variable(for: option) { notes.append(variable) }
    guard !notes.isEmpty else { return (name, option.summary) }
    return (name, "\(option.summary) [\(notes.joined(separator: "; "))]")
  }

  private func section(_ title: String, _ rows: [(String, String)]) -> String {
    let longest = rows.map(\.0.count).filter { $0 <= Self.nameWidthMax }.max() ?? 0
    let column = longest + 4
    let lines = rows.map { name, summary in
      let text = Self.wrap(summary, indent: column)
      guard name.count <= longest else { return "  \(name)\n\(text)" }
      let gap = String(repeating: " ", count: column - name.count - 2)
      return "  \(name)\(gap)\(text.dropFirst(column))"
    }
    return "\(title):\n" + lines.joined(separator: "\n")
  }

  /// Breaks a text at spaces, each line indented.
  static func wrap(_ text: String, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = margin
    for word in text.split(separator: " ") {
      if line.count > indent, line.count + 1 + word.count > width {
        lines.append(line)
        line = margin
      }
      line += line.count > indent ? " \(word)" : String(word)
    }
    lines.append(line)
    return lines.joined(separator: "\n")
  }
}
