/// Where a carrier handles a call: a property of the credentials, not of a number's country code.
///
/// Closed on purpose: the regional hosts are a fixed table, and any other name is refused.
package enum Region: String, Sendable, Hashable, CaseIterable, Comparable, CustomStringConvertible {
  /// United States. A number whose processing region is unset is handled here.
  case us1
  /// Ireland.
  case ie1
  /// Australia.
  case au1

  package var description: String { rawValue }

  /// By name, so that lists of regions have one order everywhere.
  package static func < (left: Region, right: Region) -> Bool { left.rawValue < right.rawValue }
}
