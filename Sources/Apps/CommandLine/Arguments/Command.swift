/// A command: a group of commands, or something that can be done.
///
/// Commands are values, declared once; parsing, help and suggestions come from the declaration.
/// `Action` is what a program does with a parsed command line, a configuration or a closure.
package struct Command<Action: Sendable>: Sendable {
  enum Body: Sendable {
    case group([Command])
    case action(
      [any DeclaredPositional], @Sendable (Arguments) throws(ArgumentError) -> Action)
  }

  package let name: String
  /// One line, for the list of commands.
  package let summary: String
  /// Paragraphs below the summary in this command's own help.
  package let discussion: String
  /// Command lines for the help, each with what it does.
  package let examples: [Example]
  /// A table below the help, for example of exit codes.
  package let appendix: Appendix?
  let options: [any DeclaredOption]
  let body: Body

  /// A command line and what it does.
  package struct Example: Sendable {
    package let text: String
    package let summary: String

    package init(_ text: String, _ summary: String) {
      self.text = text
      self.summary = summary
    }
  }

  /// Names with what they mean, under a title.
  package struct Appendix: Sendable {
    package let title: String
    package let rows: [(name: String, summary: String)]

    package init(_ title: String, _ rows: [(name: String, summary: String)]) {
      self.title = title
      self.rows = rows
    }
  }

  /// Several commands under one name. The options may stand before or behind any of them.
  package static func group(
    _ name: String, _ summary: String, discussion: String = "", examples: [Example] = [],
    appendix: Appendix? = nil, options: [any DeclaredOption] = [], _ commands: [Command]
  ) -> Command {
    Command(
      name: name, summary: summary, discussion: discussion, examples: examples,
      appendix: appendix, options: options, body: .group(commands))
  }

  /// Something that can be done. `action` reads its options and positionals, and throws when they
  /// do not fit together; it does nothing yet.
  package static func action(
    _ name: String, _ summary: String, discussion: String = "", examples: [Example] = [],
    appendix: Appendix? = nil, options: [any DeclaredOption] = [],
    positionals: [any DeclaredPositional] = [],
    _ action: @escaping @Sendable (Arguments) throws(ArgumentError) -> Action
  ) -> Command {
    Command(
      name: name, summary: summary, discussion: discussion, examples: examples,
      appendix: appendix, options: options, body: .action(positionals, action))
  }
}

/// A command line that was understood.
package enum ParsedCommand<Action: Sendable>: Sendable {
  /// Do this. The arguments hold the values of options that belong to groups.
  case run(Action, Arguments)
  /// Print this text and end in good order.
  case help(String)
  /// Print the program's version and end in good order.
  case version
}

/// A program's commands, and how they get their values.
package struct CommandSyntax<Action: Sendable>: Sendable {
  let root: Command<Action>
  /// With it each option can be given as an environment variable: `TRUNKLINE_` and `--data-dir`
  /// make `TRUNKLINE_DATA_DIR`. Without it only options that name a variable can.
  let environmentPrefix: String?

  package init(_ root: Command<Action>, environmentPrefix: String? = nil) {
    self.root = root
    self.environmentPrefix = environmentPrefix
  }

  /// Understands the arguments that follow the program's name.
  ///
  /// `environment` is the process's: only executables read it. An error's text is followed by
  /// `hint(for:)` when it is shown.
  package func parse(
    _ arguments: [String], environment: [String: String]
  ) throws(ArgumentError) -> ParsedCommand<Action> {
    var parser = CommandParser(syntax: self, environment: environment)
    return try parser.parse(arguments)
  }

  /// Says where the help for the command is that `arguments` reach.
  package func hint(for arguments: [String]) -> String {
    var command = root
    var path = [root.name]
    for argument in arguments {
      guard case .group(let commands) = command.body else { break }
      guard !argument.hasPrefix("-") else { continue }
      guard let next = commands.first(where: { $0.name == argument }) else { break }
      command = next
      path.append(next.name)
    }
    return "See \(path.joined(separator: " ")) --help."
  }

  /// The environment variable for an option.
  func variable(for option: OptionDeclaration) -> String? {
    option.environment
      ?? environmentPrefix.map {
        $0 + option.name.uppercased().split(separator: "-").joined(separator: "_")
      }
  }
}
