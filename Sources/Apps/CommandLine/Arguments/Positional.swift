/// What the parser and the help need to know of a positional, whatever its value.
package struct PositionalDeclaration: Sendable {
  /// As help shows it: `PROVIDER_ID`.
  package let name: String
  package let isRequired: Bool
  /// Takes all that follow.
  package let isRepeated: Bool
  package let summary: String
}

/// A positional of any value, for lists of them.
package protocol DeclaredPositional: Sendable {
  var declaration: PositionalDeclaration { get }
}

/// One argument that is known by its place.
package struct Positional<Value: Sendable>: DeclaredPositional {
  package let declaration: PositionalDeclaration
  let read: @Sendable (ArraySlice<String>) throws(ArgumentError) -> Value
}

extension Positional {
  /// One that must be given.
  package static func required(
    _ name: String, _ type: ArgumentType<Value>, _ summary: String
  ) -> Positional {
    let declaration = PositionalDeclaration(
      name: name, isRequired: true, isRepeated: false, summary: summary)
    return Positional(declaration: declaration) { (texts) throws(ArgumentError) in
      guard let text = texts.first else { throw .positionalMissing(name) }
      return try Positional<Value>.parse(text, type, name)
    }
  }

  /// The last one, which may be left out.
  package static func optional<Element: Sendable>(
    _ name: String, _ type: ArgumentType<Element>, _ summary: String
  ) -> Positional where Value == Element? {
    let declaration = PositionalDeclaration(
      name: name, isRequired: false, isRepeated: false, summary: summary)
    return Positional(declaration: declaration) { (texts) throws(ArgumentError) in
      guard let text = texts.first else { return nil }
      return try Positional<Value>.parse(text, type, name)
    }
  }

  /// All that follow, at least one.
  package static func rest<Element: Sendable>(
    _ name: String, _ type: ArgumentType<Element>, _ summary: String
  ) -> Positional where Value == [Element] {
    let declaration = PositionalDeclaration(
      name: name, isRequired: true, isRepeated: true, summary: summary)
    return Positional(declaration: declaration) { (texts) throws(ArgumentError) in
      guard !texts.isEmpty else { throw .positionalMissing(name) }
      var elements: [Element] = []
      for text in texts { elements.append(try Positional<Value>.parse(text, type, name)) }
      return elements
    }
  }

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
