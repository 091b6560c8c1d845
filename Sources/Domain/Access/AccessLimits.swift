/// Every bound of access, in one place: `docs/limits.md` is written from it.
package enum AccessLimits {
  /// Unicode scalars of a token's display name.
  package static let displayNameLengthMax = 128
  /// Fields that one audit entry tells; the rest is counted in its last. More than any one request
  /// can change: an agent's 8 connections with 16 parameters each and 32 labels, all under new
  /// names, are 337.
  package static let auditChangeCountMax = 384
  /// Bytes of an old or new value in an audit entry; a longer one is cut, and says so.
  package static let auditValueLengthMax = 512
  /// Characters of a resource's id in a question to the audit log.
  package static let auditResourceIDLengthMax = 128
  /// Characters of a principal in a question to the audit log.
  package static let auditPrincipalLengthMax = 1024

  /// Audit entries of calls that a dispatch may tell at once.
  package static let auditRecordsMax = 100
  /// Bytes of a peer's address and of a method's name in an entry that a dispatch tells.
  package static let auditTextLengthMax = 256

  /// How long an administrator's token lives that is made at a start with `--new-admin-token`.
  package static let extraAdministratorLifetime: Duration = .seconds(24 * 3600)

  // Authentication
  /// Tokens that a process keeps in memory; others are looked up when they are used.
  package static let directoryTokensMax = 100_000
  /// Tokens that a dispatch of its own keeps in memory: all, so that it needs no registry.
  package static let dispatchTokensMax = 1_000_000
  /// How fine the time of a token's last use is.
  package static let lastUseInterval: Duration = .seconds(60)
  /// Lines of the file that maps client certificates.
  package static let identitiesMax = 10_000
  /// Bytes of that file.
  package static let identityFileSizeMax = 1 << 20
  /// Peers whose failed attempts are counted at once.
  package static let failingPeersMax = 10_000
  /// Failed attempts that a peer may make in a row; then `failureRateMax`.
  package static let failureBurstMax = 500
  /// Failed attempts a second that a peer may make for ever.
  package static let failureRateMax = 10
  /// Look-ups of unknown tokens in the store that may go on at once in the whole process.
  package static let lookUpsMax = 32
  /// Calls that wait for such a look-up; more are refused.
  package static let lookUpsWaitingMax = 4096
  /// Look-ups at once for peers that failed as often as they may.
  package static let suspectLookUpsMax = 4
  /// Look-ups for those peers that wait; more are refused.
  package static let suspectLookUpsWaitingMax = 64
  /// Ids of tokens that were asked for and not found, whose repeats are counted at once.
  package static let missingTokensMax = 10_000
  /// Look-ups in a row of an id that is not found, for a peer that failed as often as it may; then
  /// one a second.
  package static let missingTokenBurstMax = 4
  /// Tenants whose calls are counted at once.
  package static let limitedTenantsMax = 100_000
}
