/// The bounds of a pool.
package struct PostgresPoolLimits: Sendable, Hashable {
  /// Connections that are kept open for lone reads.
  package var readersMin = 1
  /// Connections that lone reads are spread over at most.
  package var readersMax = 4
  /// Reads under way on one connection; further ones wait in the pool.
  package var readsPerConnectionMax = 64
  /// Reads of one tick that go to the same connection before the next one is looked at: a write and
  /// a wake-up for several reads are cheaper than one for each.
  package var readsTogetherMax = 8
  /// Reads under way on each connection from which on another one is opened.
  package var readsBeforeGrowthMax = 16
  /// Connections that are kept open for transactions.
  package var writersMin = 1
  /// Transactions at a time.
  package var writersMax = 8
  /// Reads that wait for a connection.
  package var readsWaitingMax = 8192
  /// Transactions that wait for a connection.
  package var transactionsWaitingMax = 1024
  /// How long a read or a transaction waits for a connection.
  package var waitTimeout: Duration = .seconds(5)
  /// How long a connection beyond the least number stays unused.
  package var idleTimeout: Duration = .seconds(60)
  /// The age at which a connection is replaced; up to a tenth less, so that not all end at once.
  package var connectionLifetime: Duration = .seconds(1800)
  /// The first wait after a connection failed; it doubles up to ``reconnectWaitMax``.
  package var reconnectWaitMin: Duration = .milliseconds(50)
  /// The longest wait between two tries to connect.
  package var reconnectWaitMax: Duration = .seconds(1)
  /// A connection that breaks sooner than this counts as one that failed: there is a wait.
  package var settledAge: Duration = .seconds(1)

  package init() {}

  package static let defaults = Self()
}
