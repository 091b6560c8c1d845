package import Telephony

/// Where a SIP gateway is, and what authenticates there.
///
/// Lives as long as one use case; nothing keeps it.
package struct GatewayAccess: Sendable {
  /// `https://host` or `http://host:port`, without a path.
  package var url: String
  package var apiKey: String
  package var apiSecret: Secret

  package init(url: String, apiKey: String, apiSecret: Secret) {
    self.url = url
    self.apiKey = apiKey
    self.apiSecret = apiSecret
  }
}

/// What turns SIP calls into rooms and back, as a port: a LiveKit server with its SIP service. The
/// LiveKit adapter implements it, and the fake in TestKit.
///
/// The rules of ``Carrier`` for repeats, cancellation and executors hold; what deletes is repeated
/// like what reads. What is made bears a name
/// of ours, by which it is found again when the answer that told its id was lost: a caller looks
/// for it first, and makes it when it is not there. A deletion of what is not there succeeds. Each
/// request bears a token of its own that lives a minute and grants no more than it needs.
package protocol SIPGateway: Sendable {
  /// Tries the credentials with the least that they must be able to do.
  func probe(_ access: GatewayAccess) async throws(CarrierError)

  /// The inbound trunk of exactly this name among those that take one of `numbers`, or any.
  func findInboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayInboundTrunk?

  /// Kind `.conflict` when another trunk takes the same calls.
  func createInboundTrunk(
    _ trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String

  /// Makes the trunk `id` like `trunk` in all it says.
  func replaceInboundTrunk(
    _ id: String, by trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError)

  func findOutboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayOutboundTrunk?

  func createOutboundTrunk(
    _ trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String

  func replaceOutboundTrunk(
    _ id: String, by trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError)

  /// Of either kind.
  func deleteTrunk(_ id: String, _ access: GatewayAccess) async throws(CarrierError)

  /// The rule of exactly this name, among those of `trunks` or, where there are none, all.
  func findDispatchRule(
    named name: String, trunks: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayDispatchRule?

  /// Kind `.conflict` when another rule takes the same calls.
  func createDispatchRule(
    _ rule: GatewayDispatchRule, _ access: GatewayAccess
  ) async throws(CarrierError) -> String

  func deleteDispatchRule(_ id: String, _ access: GatewayAccess) async throws(CarrierError)
}

/// A trunk through which calls come in. One of `numbers`, `allowedAddresses` and `username` must
/// say something.
package struct GatewayInboundTrunk: Sendable, Equatable {
  /// The gateway's, `ST_…`; empty for one that is to be made.
  package var id: String
  package var name: String
  /// The numbers that are called; empty: all.
  package var numbers: [String]
  /// From where calls may come: IP addresses and CIDR blocks; empty: from anywhere.
  package var allowedAddresses: [String]
  /// Which numbers may call; empty: all.
  package var allowedNumbers: [String]
  /// What a caller authenticates with; empty: nothing is asked.
  package var username: String
  /// nil when `username` is empty, and as the gateway has it: it is not read back.
  package var password: Secret?
  package var encryption: MediaEncryption

  package init(
    id: String = "", name: String, numbers: [String], allowedAddresses: [String] = [],
    allowedNumbers: [String] = [], username: String = "", password: Secret? = nil,
    encryption: MediaEncryption = .allowed
  ) {
    self.id = id
    self.name = name
    self.numbers = numbers
    self.allowedAddresses = allowedAddresses
    self.allowedNumbers = allowedNumbers
    self.username = username
    self.password = password
    self.encryption = encryption
  }
}

/// A trunk through which calls go out.
package struct GatewayOutboundTrunk: Sendable, Equatable {
  /// The gateway's, `ST_…`; empty for one that is to be made.
  package var id: String
  package var name: String
  /// A host with an optional port, no URI.
  package var address: String
  package var transport: SIPTransport
  /// The numbers that calls may come from; at least one.
  package var numbers: [String]
  /// What we authenticate with; empty: with nothing.
  package var username: String
  /// nil when `username` is empty, and as the gateway has it: it is not read back.
  package var password: Secret?
  /// Sent with each INVITE.
  package var headers: [String: String]
  package var encryption: MediaEncryption

  package init(
    id: String = "", name: String, address: String, transport: SIPTransport = .automatic,
    numbers: [String], username: String = "", password: Secret? = nil,
    headers: [String: String] = [:], encryption: MediaEncryption = .allowed
  ) {
    self.id = id
    self.name = name
    self.address = address
    self.transport = transport
    self.numbers = numbers
    self.username = username
    self.password = password
    self.headers = headers
    self.encryption = encryption
  }
}

/// Which room a call that came in through a trunk goes to: one of its own.
package struct GatewayDispatchRule: Sendable, Hashable {
  /// The gateway's, `SDR_…`; empty for one that is to be made.
  package var id: String
  package var name: String
  package var trunkIDs: [String]
  /// What the names of the rooms begin with.
  package var roomPrefix: String
  /// Given to each caller's participant.
  package var attributes: [String: String]
  /// It makes a room for each call, whoever calls whichever number, and asks for no PIN. What is
  /// made does; a rule that somebody changed may not.
  package var isForEveryCall: Bool

  package init(
    id: String = "", name: String, trunkIDs: [String], roomPrefix: String,
    attributes: [String: String] = [:], isForEveryCall: Bool = true
  ) {
    self.id = id
    self.name = name
    self.trunkIDs = trunkIDs
    self.roomPrefix = roomPrefix
    self.attributes = attributes
    self.isForEveryCall = isForEveryCall
  }
}
