internal import Registry
internal import Telephony

/// Gives sequence numbers to what one transaction changes.
///
/// The table keeps only the sequence of a thing's last change; the feed's reader joins its present
/// form.
struct RouteFeedWriter {
  /// What the feed publishes; the raw value is stored.
  enum Kind: String {
    case number
    case provider
    case agent
  }

  private let connection: SQLiteConnection
  private let tenant: TenantID
  private let time: Timestamp
  /// The last sequence given in this transaction; nil while none was.
  private var latest: Int64?

  init(connection: SQLiteConnection, tenant: TenantID, time: Timestamp) {
    self.connection = connection
    self.tenant = tenant
    self.time = time
  }

  mutating func put(_ kind: Kind, _ id: String) throws(StoreError) {
    try write(kind, id, isRemoved: false)
  }

  mutating func remove(_ kind: Kind, _ id: String) throws(StoreError) {
    try write(kind, id, isRemoved: true)
  }

  private mutating func write(_ kind: Kind, _ id: String, isRemoved: Bool) throws(StoreError) {
    do throws(SQLiteError) {
      let sequence = try last() + 1
      try connection.run(
        """
        INSERT INTO routes VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (kind, tenant, id) DO UPDATE
        SET sequence = ?4, is_removed = ?5, change_time = ?6
        """,
        [
          .text(kind.rawValue), SQLiteValue(tenant), .text(id), .integer(sequence),
          SQLiteValue(isRemoved), SQLiteValue(time),
        ])
      latest = sequence
    } catch {
      throw StoreError(error)
    }
  }

  private func last() throws(SQLiteError) -> Int64 {
    if let latest { return latest }
    return try connection.first("SELECT latest FROM route_feed")?.integer(0) ?? 0
  }

  /// Records the last sequence given, and answers it.
  func finish() throws(StoreError) -> UInt64? {
    guard let latest else { return nil }
    do throws(SQLiteError) {
      try connection.run("UPDATE route_feed SET latest = ?1", [.integer(latest)])
    } catch {
      throw StoreError(error)
    }
    return UInt64(latest)
  }
}
