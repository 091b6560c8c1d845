import GRPC
import GRPCInProcess
import Testing
import WellKnown

@testable import GRPCServices

@Suite(.timeLimit(.minutes(1))) struct ChannelzServiceTests {
  typealias V1 = Grpc.Channelz.V1

  let registry = IntrospectionRegistry()
  var client: V1.ChannelzClient {
    V1.ChannelzClient(
      channel: InProcessChannel(router: Router(services: [ChannelzService(registry)])))
  }

  @Test func serversAndSocketsComeInPages() async throws {
    for _ in 0..<3 { registry.add(StubServer(socketCount: 5)) }
    let first = try await client.getServers(.init(maxResults: 2))
    #expect(first.server.count == 2)
    #expect(!first.end)
    let last = try #require(first.server.last?.ref?.serverID)
    let second = try await client.getServers(.init(startServerID: last + 1, maxResults: 2))
    #expect(second.server.count == 1)
    #expect(second.end)

    let id = try #require(second.server[0].ref?.serverID)
    var sockets: [V1.SocketRef] = []
    var isEnd = false
    while !isEnd {
      let start = (sockets.last?.socketID ?? -1) + 1
      let page = try await client.getServerSockets(
        .init(serverID: id, startSocketID: start, maxResults: 2))
      #expect((1...2).contains(page.socketRef.count))
      sockets += page.socketRef
      isEnd = page.end
    }
    #expect(sockets.count == 5)
    #expect(sockets.map(\.socketID) == sockets.map(\.socketID).sorted())
    #expect(try await client.getServerSockets(.init(serverID: id)).end)
  }

  @Test func whatIsNotThereIsNotFound() async throws {
    let server = StubServer(socketCount: 1)
    registry.add(server)
    registry.remove(server.id)
    let id = server.id.rawValue
    await #expect(throws: RPCError(.notFound, "There is no server \(id).")) {
      _ = try await client.getServer(.init(serverID: id))
    }
    await #expect(throws: RPCError(.notFound, "There is no socket -1.")) {
      _ = try await client.getSocket(.init(socketID: -1))
    }
    await #expect(throws: RPCError(.notFound, "There is no channel 0.")) {
      _ = try await client.getChannel(.init())
    }
    let text = "There is no subchannel 7: channels here have sockets themselves."
    await #expect(throws: RPCError(.notFound, text)) {
      _ = try await client.getSubchannel(.init(subchannelID: 7))
    }
    await #expect(
      throws: RPCError(.invalidArgument, "max_results is -1; it can't be negative.")
    ) {
      _ = try await client.getServers(.init(maxResults: -1))
    }
    #expect(try await client.getTopChannels(.init()).end)
  }

  @Test func aSocketTellsWhatItDid() async throws {
    let server = StubServer(socketCount: 1)
    registry.add(server)
    let socket = try #require(
      try await client.getSocket(.init(socketID: server.socketIDs[0].rawValue)).socket)
    #expect(
      socket.local?.address == .tcpipAddress(.init(ipAddress: [127, 0, 0, 1], port: 50051)))
    #expect(socket.remote?.address == .udsAddress(.init(filename: "/run/peer")))
    #expect(
      socket.security?.model
        == .tls(.init(cipherSuite: .standardName("TLS_AES_128_GCM_SHA256"))))
    #expect(socket.data?.streamsStarted == 3)
    #expect(socket.data?.localFlowControlWindow?.value == 65535)
    #expect(socket.data?.remoteFlowControlWindow?.value == 1 << 20)
    #expect(socket.data?.lastMessageSentTimestamp == .init(seconds: 1, nanos: 500_000_000))
    #expect(socket.data?.lastMessageReceivedTimestamp == nil)
  }

  // MARK: Pure parts

  @Test(arguments: [
    ("ipv4:1.2.3.4:80", [1, 2, 3, 4] as [UInt8], 80),
    ("ipv6:[::1]:443", [UInt8](repeating: 0, count: 15) + [1], 443),
    ("ipv6:[::]:0", [UInt8](repeating: 0, count: 16), 0),
    (
      "ipv6:[2001:db8::ff00:42:8329]:1",
      [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0x42, 0x83, 0x29], 1
    ),
    (
      "ipv6:[::ffff:10.0.0.1]:65535",
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1], 65535
    ),
    ("ipv6:[fe80::1%eth0]:9", [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1], 9),
    (
      "ipv6:[1:2:3:4:5:6:7:8]:9", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8], 9
    ),
  ])
  func addressesBecomeBytes(name: String, bytes: [UInt8], port: UInt16) throws {
    let address = try #require(IPAddressText.parse(grpcName: name))
    #expect(address.bytes == bytes)
    #expect(address.port == port)
  }

  @Test(arguments: [
    "", "unknown", "ipv4:1.2.3:80", "ipv4:1.2.3.256:80", "ipv4:1.2.3.4", "ipv6:::1:80",
    "ipv6:[1:2:3:4:5:6:7]:80", "ipv6:[1:2:3:4:5:6:7:8:9]:80", "ipv6:[12345::]:80",
    "ipv6:[1::2::3]:80", "ipv4:1.2.3.4:65536",
  ])
  func otherTextsAreNoAddresses(name: String) {
    #expect(IPAddressText.parse(grpcName: name) == nil)
    #expect(V1.Address(grpcName: name).address == .otherAddress(.init(name: name)))
  }

  @Test func timesBefore1970AreTimestampsToo() {
    #expect(
      Google.Protobuf.Timestamp(microseconds: -1) == .init(seconds: -1, nanos: 999_999_000))
  }
}

/// A server with sockets that were never open.
private final class StubServer: IntrospectableServer {
  let id = EntityID.next()
  let socketIDs: [EntityID]

  init(socketCount: Int) { socketIDs = (0..<socketCount).map { _ in .next() } }

  func report() async -> ServerReport {
    ServerReport(id: id, createdAt: 0, calls: CallCounts(), listeners: [])
  }

  func sockets(from first: EntityID, atMost count: Int) async -> [SocketReference] {
    socketIDs.filter { $0 >= first }.prefix(count).map { SocketReference(id: $0, name: "") }
  }

  func socket(_ id: EntityID) async -> SocketReport? {
    guard socketIDs.contains(id) else { return nil }
    var report = SocketReport(id: id, name: "stub")
    report.localAddress = "ipv4:127.0.0.1:50051"
    report.remoteAddress = "unix:/run/peer"
    report.security = .init(
      cipherSuite: "TLS_AES_128_GCM_SHA256", protocolVersion: "TLSv1.3")
    var traffic = SocketReport.Traffic()
    traffic.streamsStarted = 3
    traffic.sendWindow = 65535
    traffic.receiveWindow = 1 << 20
    traffic.lastMessageSentAt = 1_500_000
    report.traffic = traffic
    return report
  }
}
