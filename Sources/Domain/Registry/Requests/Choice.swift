/// A value of an enum field as it came: a contract's newer client may send one that we don't know.
package enum Choice<Value: Sendable>: Sendable {
  case unset
  case value(Value)
  case unknown
}

extension Choice: Equatable where Value: Equatable {}
extension Choice: Hashable where Value: Hashable {}

/// What a list asks for, as it came.
package struct PageRequest: Sendable, Hashable {
  package var size: Int
  package var token: String

  package init(size: Int = 0, token: String = "") {
    self.size = size
    self.token = token
  }
}

/// One page of a list.
package struct Page<Element: Sendable>: Sendable {
  package var elements: [Element]
  /// Empty on the last page.
  package var nextToken: String

  package init(elements: [Element], nextToken: String) {
    self.elements = elements
    self.nextToken = nextToken
  }
}

extension Page: Equatable where Element: Equatable {}
