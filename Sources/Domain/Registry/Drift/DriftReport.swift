package import Telephony

/// What a look at all numbers of a provider found.
package struct DriftReport: Sendable, Hashable {
  /// A number with a finding, or without one any more.
  package struct Row: Sendable, Hashable {
    package var numberID: PhoneNumberID
    package var e164: E164
    package var findings: [DriftFinding]
    package var change: Change

    package init(
      numberID: PhoneNumberID, e164: E164, findings: [DriftFinding], change: Change
    ) {
      self.numberID = numberID
      self.e164 = e164
      self.findings = findings
      self.change = change
    }
  }

  /// What became of the number's record here; in a dry run, what would.
  package enum Change: String, Sendable, Hashable, Codable {
    case none
    /// Its conditions say something new; it is `degraded`.
    case marked
    /// The drift is gone; it is `active` where nothing else hinders it.
    case healed
  }

  /// A number that the carrier calls by a name which is not our label.
  package struct OtherLabel: Sendable, Hashable, Codable {
    package var numberID: PhoneNumberID
    /// As the carrier has it, at most `RegistryLimits.labelLengthMax` characters.
    package var label: String

    package init(numberID: PhoneNumberID, label: String) {
      self.numberID = numberID
      self.label = label
    }
  }

  /// Numbers that were compared.
  package internal(set) var comparedCount = 0
  /// Of those, numbers with a finding.
  package private(set) var driftedCount = 0
  package private(set) var markedCount = 0
  package private(set) var healedCount = 0
  /// Numbers that were left alone: work on them goes on, or they are corrupted, or somebody changed
  /// them at the same moment.
  package internal(set) var skippedCount = 0
  /// Numbers that the carrier would not tell of.
  package internal(set) var unreadCount = 0
  /// Numbers of the account that nobody has imported here.
  package internal(set) var unimportedCount = 0
  /// By reason, one for each finding.
  package private(set) var findingCounts: [String: Int] = [:]
  /// At most `RegistryLimits.driftRowsMax`, in no order.
  package private(set) var rows: [Row] = []
  /// How many there were.
  package private(set) var rowCount = 0
  /// At most `RegistryLimits.driftRowsMax`, in no order. No drift: the label is its user's.
  package private(set) var otherLabels: [OtherLabel] = []
  /// How many there were.
  package private(set) var otherLabelCount = 0

  package init() {}

  /// A number was looked at by itself.
  mutating func add(_ row: Row) {
    comparedCount += 1
    if !row.findings.isEmpty { driftedCount += 1 }
    for finding in row.findings { findingCounts[finding.reason, default: 0] += 1 }
    switch row.change {
    case .none: break
    case .marked: markedCount += 1
    case .healed: healedCount += 1
    }
    guard !row.findings.isEmpty || row.change != .none else { return }
    rowCount += 1
    if rows.count < RegistryLimits.driftRowsMax { rows.append(row) }
  }

  mutating func add(_ label: OtherLabel) {
    otherLabelCount += 1
    if otherLabels.count < RegistryLimits.driftRowsMax { otherLabels.append(label) }
  }
}
