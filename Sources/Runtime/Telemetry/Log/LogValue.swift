/// One value of a log line. Secrets have no case here; numbers of phones go in redacted.
package enum LogValue: Sendable, Hashable {
  case text(String)
  case integer(Int64)
  case flag(Bool)
  /// Written as seconds with a fraction.
  case duration(Duration)

  /// Whatever the value says of itself. Types that hold secrets or numbers hide them there.
  package init(_ value: some CustomStringConvertible) { self = .text(value.description) }
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral
{
  package init(stringLiteral text: String) { self = .text(text) }
  package init(integerLiteral integer: Int64) { self = .integer(integer) }
  package init(booleanLiteral flag: Bool) { self = .flag(flag) }
}
