internal import GRPC

/// What went over one connection, but for calls that are open: numbers in the connection itself.
struct ConnectionTraffic {
  var streamsStarted: UInt64 = 0
  var streamsEnded: UInt64 = 0
  /// Of those that ended.
  var streamsFailed: UInt64 = 0
  var messagesSent: UInt64 = 0
  var messagesReceived: UInt64 = 0
  /// Pings of ours that ask whether the peer is still there.
  var keepalivesSent: UInt64 = 0
  // Nanoseconds of `MonotonicTime`; 0 for never.
  var lastStreamAt: UInt64 = 0
  var lastSentAt: UInt64 = 0
  var lastReceivedAt: UInt64 = 0
  /// The error code of the GOAWAY that came.
  var receivedGoAway: UInt32?

  mutating func noteEnd(_ record: borrowing CallRecord, isFailed: Bool) {
    streamsEnded &+= 1
    if isFailed { streamsFailed &+= 1 }
    noteMessages(record)
  }

  mutating func noteMessages(_ record: borrowing CallRecord) {
    messagesSent &+= record.sent.count
    messagesReceived &+= record.received.count
    lastSentAt = max(lastSentAt, record.sent.lastAt)
    lastReceivedAt = max(lastReceivedAt, record.received.lastAt)
  }
}
