/// Every bound of access, in one place: `docs/limits.md` is written from it.
package enum AccessLimits {
  /// Unicode scalars of a token's display name.
  package static let displayNameLengthMax = 128
  /// Fields that one audit entry tells; the rest is counted in its last.
  package static let auditChangeCountMax = 32
  /// Bytes of an old or new value in an audit entry; a longer one is cut, and says so.
  package static let auditValueLengthMax = 512
}
