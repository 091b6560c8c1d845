/// Walks over one command line.
struct CommandParser<Action: Sendable> {
  private let syntax: CommandSyntax<Action>
  private let environment: [String: String]
  private var chain: [Command<Action>]
  private var given: [String: [String]] = [:]
  private var positionals: [String] = []
  private var wantsHelp = false
  private var wantsVersion = false

  init(syntax: CommandSyntax<Action>, environment: [String: String]) {
    self.syntax = syntax
    self.environment = environment
    self.chain = [syntax.root]
  }

  mutating func parse(_ arguments: [String]) throws(ArgumentError) -> ParsedCommand<Action> {
    var rest = arguments[...]
    if rest.first == "help" {
      rest = rest.dropFirst()
      wantsHelp = true
    }
    while let argument = rest.popFirst() {
      if argument == "--" {
        for positional in rest { try take(positional) }
        break
      }
      if argument.hasPrefix("-"), argument != "-" {
        try takeOption(argument, &rest)
      } else {
        try take(argument)
      }
    }
    if wantsHelp { return .help(HelpText(chain: chain, syntax: syntax).text) }
    if wantsVersion { return .version }
    guard let command = chain.last, case .action(let positionals, let action) = command.body else {
      throw .commandMissing(after: path.joined(separator: " "))
    }
    let values = try makeArguments(positionals.map(\.declaration))
    return .run(try action(values), values)
  }

  private var path: [String] { chain.map(\.name) }

  private var options: [OptionDeclaration] {
    chain.flatMap { $0.options.map(\.declaration) }
  }

  /// A word that is not an option: a command's name, or a positional.
  private mutating func take(_ word: String) throws(ArgumentError) {
    guard let command = chain.last, case .group(let commands) = command.body else {
      positionals.append(word)
      return
    }
    guard let next = commands.first(where: { $0.name == word }) else {
      throw .unknownCommand(
        word, suggestion: Suggestion.nearest(to: word, in: commands.map(\.name)))
    }
    chain.append(next)
  }

  private mutating func takeOption(
    _ argument: String, _ rest: inout ArraySlice<String>
  ) throws(ArgumentError) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    var value = parts.count == 2 ? String(parts[1]) : nil
    if name == "--help" || name == "-h" {
      wantsHelp = true
      return
    }
    if name == "--version", chain.count == 1 {
      wantsVersion = true
      return
    }
    guard let option = options.first(where: { $0.flag == name || $0.short == name }) else {
      let names = options.map(\.flag) + ["--help"]
      throw .unknownOption(name, suggestion: Suggestion.nearest(to: name, in: names))
    }
    switch option.arity {
    case .flag:
      given[option.name, default: []].append(value ?? "true")
    case .single, .repeated:
      if value == nil, let next = rest.first, next == "-" || !next.hasPrefix("--") {
        value = rest.removeFirst()
      }
      guard let value else {
        throw .valueMissing(option: option.flag, placeholder: option.placeholder)
      }
      guard option.arity == .repeated || given[option.name] == nil else {
        throw .repeatedOption(option.flag)
      }
      given[option.name, default: []].append(value)
    }
  }

  private func makeArguments(
    _ declarations: [PositionalDeclaration]
  ) throws(ArgumentError) -> Arguments {
    var rest = positionals[...]
    var byName: [String: ArraySlice<String>] = [:]
    for declaration in declarations {
      let count = declaration.isRepeated ? rest.count : min(1, rest.count)
      byName[declaration.name] = rest.prefix(count)
      rest = rest.dropFirst(count)
    }
    guard rest.isEmpty else { throw .tooManyPositionals(limit: declarations.count) }

    var values: [String: Arguments.Given] = [:]
    for option in options {
      if let texts = given[option.name] {
        values[option.name] = .init(texts: texts, source: option.flag)
      } else if let variable = syntax.variable(for: option), let text = environment[variable],
        !text.isEmpty
      {
        values[option.name] = .init(texts: [text], source: variable)
      }
    }
    return Arguments(
      path: path, given: values, positionals: byName, declared: Set(options.map(\.name)))
  }
}

extension OptionDeclaration {
  /// As on the command line: `-o`.
  var short: String? { letter.map { "-\($0)" } }
}
