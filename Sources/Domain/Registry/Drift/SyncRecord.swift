package import Telephony

/// How far a sync is and what it came to, as its journal entry keeps it.
package struct SyncRecord: Sendable, Hashable, Codable {
  /// A number with something to tell.
  package struct Row: Sendable, Hashable, Codable {
    package var numberID: PhoneNumberID
    package var e164: E164
    /// One for each finding.
    package var conditions: [Condition]
    package var change: DriftReport.Change
  }

  package let isDryRun: Bool
  /// Numbers that were compared, so far or at the end.
  package var comparedCount = 0
  package var driftedCount = 0
  package var markedCount = 0
  package var healedCount = 0
  package var skippedCount = 0
  package var unreadCount = 0
  package var unimportedCount = 0
  /// At most `RegistryLimits.driftRowsMax`, in no order.
  package var rows: [Row] = []
  package var rowCount = 0
  package var otherLabels: [DriftReport.OtherLabel] = []
  package var otherLabelCount = 0

  package init(isDryRun: Bool) { self.isDryRun = isDryRun }

  /// Takes over what was found.
  mutating func finish(_ report: DriftReport, at time: Timestamp) {
    comparedCount = report.comparedCount
    driftedCount = report.driftedCount
    markedCount = report.markedCount
    healedCount = report.healedCount
    skippedCount = report.skippedCount
    unreadCount = report.unreadCount
    unimportedCount = report.unimportedCount
    rows = report.rows.map { row in
      Row(
        numberID: row.numberID, e164: row.e164,
        conditions: row.findings.map { $0.condition(observed: time) }, change: row.change)
    }
    rowCount = report.rowCount
    otherLabels = report.otherLabels
    otherLabelCount = report.otherLabelCount
  }
}
