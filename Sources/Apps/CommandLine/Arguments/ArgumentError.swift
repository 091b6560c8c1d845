/// Why a command line was not understood. Its text says what to do; it quotes no value, since a
/// value may be a secret that stands in the wrong place.
package enum ArgumentError: Error, Sendable, Hashable {
  /// There is no such option here; `suggestion` is one that looks alike.
  case unknownOption(String, suggestion: String?)
  /// There is no such command here.
  case unknownCommand(String, suggestion: String?)
  /// A command is expected after this one.
  case commandMissing(after: String)
  /// The option stands without its value.
  case valueMissing(option: String, placeholder: String)
  /// The option may be given once.
  case repeatedOption(String)
  /// The value from `source` (an option, a positional or an environment variable) is wrong.
  case badValue(source: String, problem: String)
  /// The option must be given.
  case optionMissing(String, environment: String?)
  /// The positional must be given.
  case positionalMissing(String)
  /// More positionals than the command takes.
  case tooManyPositionals(limit: Int)
  /// Options that can't be combined, or a rule that only the command knows.
  case conflict(String)
}

extension ArgumentError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownOption(let name, let suggestion):
      "There is no option \(name) here.\(Self.hint(suggestion))"
    case .unknownCommand(let name, let suggestion):
      "There is no command \"\(name)\" here.\(Self.hint(suggestion))"
    case .commandMissing(let command): "\"\(command)\" needs a command after it."
    case .valueMissing(let option, let placeholder):
      "\(option) needs a value: \(option) \(placeholder)."
    case .repeatedOption(let option): "\(option) may be given once."
    case .badValue(let source, let problem): "\(source): \(problem)"
    case .optionMissing(let option, nil): "\(option) is required."
    case .optionMissing(let option, let environment?):
      "\(option) is required; \(environment) in the environment serves too."
    case .positionalMissing(let name): "\(name) is required."
    case .tooManyPositionals(0): "No arguments are expected here but options."
    case .tooManyPositionals(1): "One argument is expected here; there are more."
    case .tooManyPositionals(let limit): "\(limit) arguments are expected here; there are more."
    case .conflict(let text): text
    }
  }

  private static func hint(_ suggestion: String?) -> String {
    suggestion.map { " Did you mean \($0)?" } ?? ""
  }
}

/// What is wrong with one value, as a sentence that says what would be right.
package struct ArgumentProblem: Error, Sendable, Hashable {
  package let text: String

  package init(_ text: String) {
    self.text = text
  }
}
