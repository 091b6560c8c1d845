// What transports tell of themselves when somebody asks: plain values, gathered on demand. Times
// are microseconds since 1970.

/// What a server or a channel has done.
package struct CallCounts: Hashable, Sendable {
  package var started: Int64 = 0
  /// Ended with OK.
  package var succeeded: Int64 = 0
  package var failed: Int64 = 0
  /// `nil` before the first call.
  package var lastStartedAt: Int64?

  package init() {}

  /// Adds what another loop has counted.
  package mutating func merge(_ other: CallCounts) {
    started += other.started
    succeeded += other.succeeded
    failed += other.failed
    lastStartedAt = [lastStartedAt, other.lastStartedAt].compactMap(\.self).max()
  }
}

/// A socket by its id and, for people, its name.
package struct SocketReference: Hashable, Sendable {
  package let id: EntityID
  package let name: String

  package init(id: EntityID, name: String) {
    self.id = id
    self.name = name
  }
}

/// A server at one moment.
package struct ServerReport: Hashable, Sendable {
  package let id: EntityID
  package let createdAt: Int64
  package let calls: CallCounts
  package let listeners: [SocketReference]

  package init(
    id: EntityID, createdAt: Int64, calls: CallCounts, listeners: [SocketReference]
  ) {
    self.id = id
    self.createdAt = createdAt
    self.calls = calls
    self.listeners = listeners
  }
}

/// A channel at one moment.
package struct ChannelReport: Hashable, Sendable {
  /// gRPC's connectivity semantics.
  package enum State: Hashable, Sendable {
    case idle
    case connecting
    case ready
    case transientFailure
    case shutdown
  }

  package let id: EntityID
  /// What its owner asked to be connected with.
  package let target: String
  package let createdAt: Int64
  package let state: State
  package let calls: CallCounts
  package let sockets: [SocketReference]

  package init(
    id: EntityID, target: String, createdAt: Int64, state: State, calls: CallCounts,
    sockets: [SocketReference]
  ) {
    self.id = id
    self.target = target
    self.createdAt = createdAt
    self.state = state
    self.calls = calls
    self.sockets = sockets
  }
}

/// A connection, or a socket that listens, at one moment.
package struct SocketReport: Hashable, Sendable {
  package var id: EntityID
  package var name: String
  /// As gRPC names addresses: "ipv4:127.0.0.1:40112".
  package var localAddress: String?
  /// `nil` for a socket that listens.
  package var remoteAddress: String?
  /// `nil` in plaintext.
  package var security: Security?
  /// `nil` for a socket that listens.
  package var traffic: Traffic?

  package init(id: EntityID, name: String) {
    self.id = id
    self.name = name
  }

  package struct Security: Hashable, Sendable {
    /// As the RFCs write it: "TLS_AES_128_GCM_SHA256".
    package var cipherSuite: String
    /// "TLSv1.3".
    package var protocolVersion: String

    package init(cipherSuite: String, protocolVersion: String) {
      self.cipherSuite = cipherSuite
      self.protocolVersion = protocolVersion
    }
  }

  /// What went over a connection.
  package struct Traffic: Hashable, Sendable {
    package var streamsStarted: Int64 = 0
    package var streamsSucceeded: Int64 = 0
    /// Reset or lost.
    package var streamsFailed: Int64 = 0
    package var messagesSent: Int64 = 0
    package var messagesReceived: Int64 = 0
    package var keepalivesSent: Int64 = 0
    package var lastLocalStreamAt: Int64?
    package var lastRemoteStreamAt: Int64?
    package var lastMessageSentAt: Int64?
    package var lastMessageReceivedAt: Int64?
    /// How many bytes the peer lets us send on the connection.
    package var sendWindow: Int64 = 0
    /// How many bytes we let the peer send.
    package var receiveWindow: Int64 = 0
    /// The error code of the GOAWAY that came.
    package var receivedGoAway: UInt32?
    /// How many streams the peer lets us open at once.
    package var peerStreamsMax: UInt32 = 0

    package init() {}
  }
}
