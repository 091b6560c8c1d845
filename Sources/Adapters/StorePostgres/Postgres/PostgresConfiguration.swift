package import Telemetry

/// How the engine on PostgreSQL behaves, beside what the URL says.
package struct PostgresConfiguration: Sendable {
  package var limits = PostgresPoolLimits.defaults
  /// How long one address of the server may take; `connect_timeout` of the URL goes first.
  package var connectTimeout: Duration = .seconds(3)
  /// A transaction whose caller has no deadline ends after it.
  package var transactionTimeout: Duration = .seconds(30)
  /// What a lone read may take on the server.
  package var readTimeout: Duration = .seconds(5)
  /// How long an answer may be late, after its time on the server was over, before the connection
  /// is given up.
  package var answerTimeout: Duration = .seconds(1)
  /// After so long without a statement the server itself ends a transaction, so that the locks of
  /// one whose client is cut off are not held until TCP notices.
  package var idleTransactionTimeout: Duration = .seconds(5)
  /// How often the server looks, while it runs a statement, whether its client is still there.
  package var clientCheckInterval: Duration = .seconds(1)
  /// Tries of one transaction that loses against others.
  package var transactionTriesMax = 8
  /// The wait before the second try; it doubles up to ``retryWaitMax``, less a random part.
  package var retryWaitMin: Duration = .milliseconds(2)
  /// The longest wait between two tries of a transaction.
  package var retryWaitMax: Duration = .milliseconds(100)
  /// How long ``PostgresEngine/close()`` waits for transactions under way.
  package var closeTimeout: Duration = .seconds(10)
  /// The channel that changes are announced on; nil neither listens nor announces.
  package var channel: String?
  /// Told on the loop when the channel may have something new: a notification came, or the
  /// connection that listens was made anew and may have missed some.
  package var notified: @Sendable () -> Void = {}
  package var logger: Logger

  package init(logger: Logger = .silent) { self.logger = logger }
}
