/// What the parser and the help need to know of an option, whatever its value.
package struct OptionDeclaration: Sendable {
  /// How often an option stands on a command line, and whether a value follows.
  package enum Arity: Sendable, Hashable {
    /// No value; there or not.
    case flag
    /// One value, once.
    case single
    /// One value each, as often as wanted.
    case repeated
  }

  /// Without the hyphens: `page-size`.
  package let name: String
  /// A letter that stands for it: `o` for `-o`.
  package let letter: Character?
  package let arity: Arity
  package let placeholder: String
  /// For help: what the value is without the option.
  package let defaultText: String?
  package let isRequired: Bool
  /// The environment variable that stands in for the option. Nil: the command's prefix decides.
  package let environment: String?
  package let summary: String

  /// As on the command line: `--page-size`.
  package var flag: String { "--\(name)" }
}

/// An option of any value, for lists of them.
package protocol DeclaredOption: Sendable {
  var declaration: OptionDeclaration { get }
}

/// One option of a command and the type of its value.
///
/// Declared once as a constant; the command lists it, and `Arguments.value(_:)` reads it.
package struct Option<Value: Sendable>: DeclaredOption {
  package let declaration: OptionDeclaration
  /// From the texts that were given (nil: none) and the name of where they came from.
  let read: @Sendable ([String]?, String) throws(ArgumentError) -> Value

  private static func parse<Element: Sendable>(
    _ text: String, _ type: ArgumentType<Element>, _ source: String
  ) throws(ArgumentError) -> Element {
    do throws(ArgumentProblem) {
      return try type.parse(text)
    } catch {
      throw .badValue(source: source, problem: error.text)
    }
  }
}

extension Option {
  /// A value with a default, which is parsed like one that was given.
  package static func value(
    _ name: String, _ type: ArgumentType<Value>, default defaultText: String,
    letter: Character? = nil, environment: String? = nil, _ summary: String
  ) -> Option {
    let declaration = OptionDeclaration(
      name: name, letter: letter, arity: .single, placeholder: type.placeholder,
      defaultText: defaultText, isRequired: false, environment: environment, summary: summary)
    return Option(declaration: declaration) { (texts, source) throws(ArgumentError) in
      try parse(texts?.last ?? defaultText, type, source)
    }
  }

  /// A value that must be given.
  package static func required(
    _ name: String, _ type: ArgumentType<Value>, letter: Character? = nil,
    environment: String? = nil, _ summary: String
  ) -> Option {
    let declaration = OptionDeclaration(
      name: name, letter: letter, arity: .single, placeholder: type.placeholder,
      defaultText: nil, isRequired: true, environment: environment, summary: summary)
    return Option(declaration: declaration) { (texts, source) throws(ArgumentError) in
      guard let text = texts?.last else {
        throw .optionMissing(declaration.flag, environment: environment)
      }
      return try parse(text, type, source)
    }
  }

  /// A value that may be left out.
  package static func optional<Element: Sendable>(
    _ name: String, _ type: ArgumentType<Element>, letter: Character? = nil,
    environment: String? = nil, _ summary: String
  ) -> Option where Value == Element? {
    let declaration = OptionDeclaration(
      name: name, letter: letter, arity: .single, placeholder: type.placeholder,
      defaultText: nil, isRequired: false, environment: environment, summary: summary)
    return Option(declaration: declaration) { (texts, source) throws(ArgumentError) in
      guard let text = texts?.last else { return nil }
      return try parse(text, type, source)
    }
  }

  /// Values, one option each or several behind one with commas between.
  package static func list<Element: Sendable>(
    _ name: String, _ type: ArgumentType<Element>, default defaultText: String? = nil,
    letter: Character? = nil, environment: String? = nil, _ summary: String
  ) -> Option where Value == [Element] {
    let declaration = OptionDeclaration(
      name: name, letter: letter, arity: .repeated, placeholder: "\(type.placeholder),…",
      defaultText: defaultText, isRequired: false, environment: environment, summary: summary)
    return Option(declaration: declaration) { (texts, source) throws(ArgumentError) in
      var elements: [Element] = []
      for text in texts ?? defaultText.map({ [$0] }) ?? [] {
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
          elements.append(try parse(String(part), type, source))
        }
      }
      return elements
    }
  }

  /// Names with values: `name=value`, one option each; with `commas`, several behind one option:
  /// `us1=…,ie1=…`.
  package static func map<Key: Hashable & Sendable, Element: Sendable>(
    _ name: String, _ key: ArgumentType<Key>, _ type: ArgumentType<Element>, commas: Bool,
    letter: Character? = nil, environment: String? = nil, _ summary: String
  ) -> Option where Value == [Key: Element] {
    let declaration = OptionDeclaration(
      name: name, letter: letter, arity: .repeated,
      placeholder: "\(key.placeholder)=\(type.placeholder)\(commas ? ",…" : "")",
      defaultText: nil, isRequired: false, environment: environment, summary: summary)
    return Option(declaration: declaration) { (texts, source) throws(ArgumentError) in
      var elements: [Key: Element] = [:]
      let texts = texts ?? []
      let pairs = commas ? texts.flatMap { $0.split(separator: ",") } : texts.map { $0[...] }
      for pair in pairs {
        guard let equals = pair.firstIndex(of: "=") else {
          throw .badValue(source: source, problem: "\(declaration.placeholder) is expected.")
        }
        let name = try parse(String(pair[..<equals]), key, source)
        let value = try parse(String(pair[pair.index(after: equals)...]), type, source)
        guard elements.updateValue(value, forKey: name) == nil else {
          throw .badValue(source: source, problem: "A name stands twice.")
        }
      }
      return elements
    }
  }
}

extension Option where Value == Bool {
  /// There or not. `--name=false` and the environment can say no, too.
  package static func flag(
    _ name: String, letter: Character? = nil, environment: String? = nil, _ summary: String
  ) -> Option {
    let declaration = OptionDeclaration(
      name: name, letter: letter, arity: .flag, placeholder: "", defaultText: nil,
      isRequired: false, environment: environment, summary: summary)
    return Option(declaration: declaration) { (texts, source) throws(ArgumentError) in
      guard let text = texts?.last else { return false }
      return try parse(text, .truth, source)
    }
  }
}
