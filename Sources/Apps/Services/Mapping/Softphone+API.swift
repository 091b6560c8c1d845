internal import API
internal import Registry
internal import Telephony
internal import WellKnown

extension Trunkline.V1.Softphone {
  init(_ view: AgentView) {
    self.init()
    let softphone = view.agent
    id = softphone.id.description
    displayName = softphone.displayName
    if case .sip(let uri, let login)? = softphone.connections.first?.target {
      endpoint = .sip(
        .init(uri: uri, username: login?.username ?? "", hasPassword: login?.password != nil))
    }
    phoneNumberIDs = view.numbers.newest.map(\.description)
    phoneNumberCount = Int32(clamping: view.numbers.count)
    labels = softphone.labels
    etag = softphone.etag
    createTime = Google.Protobuf.Timestamp(softphone.revision.createTime)
    updateTime = Google.Protobuf.Timestamp(softphone.revision.updateTime)
  }
}
