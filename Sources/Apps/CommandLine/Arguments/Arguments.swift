/// The values that a command line and the environment gave.
package struct Arguments: Sendable {
  /// Where the texts of an option came from.
  struct Given: Sendable {
    var texts: [String]
    /// `--name` or the environment variable, for errors.
    var source: String
  }

  /// The names of the commands, the program's first.
  package let path: [String]
  let given: [String: Given]
  let positionals: [String: ArraySlice<String>]
  let declared: Set<String>

  /// The option's value: the command line's, else the environment's, else the default.
  package func value<Value>(_ option: Option<Value>) throws(ArgumentError) -> Value {
    let name = option.declaration.name
    precondition(declared.contains(name), "\(path) does not list the option \(name)")
    let texts = given[name]
    return try option.read(texts?.texts, texts?.source ?? option.declaration.flag)
  }

  /// The positional's value.
  package func value<Value>(_ positional: Positional<Value>) throws(ArgumentError) -> Value {
    guard let texts = positionals[positional.declaration.name] else {
      preconditionFailure("\(path) does not list the positional \(positional.declaration.name)")
    }
    return try positional.read(texts)
  }

  /// Whether the option was given, by the command line or the environment.
  package func isGiven<Value>(_ option: Option<Value>) -> Bool {
    given[option.declaration.name] != nil
  }

  /// Whether the command line itself gave it.
  package func isOnCommandLine<Value>(_ option: Option<Value>) -> Bool {
    given[option.declaration.name]?.source == option.declaration.flag
  }
}
