internal import API
internal import Registry
internal import Telephony
internal import WellKnown

extension Trunkline.V1.Agent {
  init(_ view: AgentView) {
    self.init()
    let agent = view.agent
    id = agent.id.description
    displayName = agent.displayName
    connections = agent.connections.map { Trunkline.V1.AgentConnection($0) }
    phoneNumberIDs = view.numbers.newest.map(\.description)
    phoneNumberCount = Int32(clamping: view.numbers.count)
    labels = agent.labels
    etag = agent.etag
    createTime = Google.Protobuf.Timestamp(agent.revision.createTime)
    updateTime = Google.Protobuf.Timestamp(agent.revision.updateTime)
  }
}

extension Trunkline.V1.AgentConnection {
  fileprivate init(_ connection: Registry.AgentConnection) {
    self.init()
    region = connection.region.map { Trunkline.V1.Region($0) } ?? .unspecified
    switch connection.target {
    case .mediaStream(let url, let parameters):
      var stream = MediaStream()
      stream.url = url
      stream.parameters = parameters
      endpoint = .mediaStream(stream)
    case .sip(let uri, let login):
      var sip = Sip()
      sip.uri = uri
      sip.username = login?.username ?? ""
      sip.hasPassword = login?.password != nil
      endpoint = .sip(sip)
    }
  }
}
