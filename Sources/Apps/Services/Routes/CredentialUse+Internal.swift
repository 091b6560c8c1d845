internal import API
internal import CallDispatch
internal import Telephony
internal import WellKnown

// What became of staged credentials, on its way from a dispatch to the registry.

extension Trunkline.Internal.V1.NoteCredentialUseRequest {
  init(_ sum: StagedUses.Sum) {
    self.init()
    providerID = sum.provider.description
    mark = sum.mark
    webhookCount = sum.use.webhookCount
    requestCount = sum.use.requestCount
    refusalCount = sum.use.refusalCount
    firstSuccessTime = sum.use.firstSuccessTime.map { .init($0) }
    lastWebhookTime = sum.use.lastWebhookTime.map { .init($0) }
    lastCreateTime = sum.use.creates.successTime.map { .init($0) }
    lastCreateRefusalTime = sum.use.creates.refusalTime.map { .init($0) }
    lastOtherTime = sum.use.others.successTime.map { .init($0) }
    lastOtherRefusalTime = sum.use.others.refusalTime.map { .init($0) }
  }
}

extension CredentialUse {
  /// Times that are ahead of `now` are `now`: a dispatch whose clock is ahead must not hide what
  /// others see.
  init(_ request: Trunkline.Internal.V1.NoteCredentialUseRequest, now: Telephony.Timestamp) {
    self.init()
    webhookCount = request.webhookCount
    requestCount = request.requestCount
    refusalCount = request.refusalCount
    firstSuccessTime = request.firstSuccessTime.map { min(Timestamp($0), now) }
    lastWebhookTime = request.lastWebhookTime.map { min(Timestamp($0), now) }
    creates.successTime = request.lastCreateTime.map { min(Timestamp($0), now) }
    creates.refusalTime = request.lastCreateRefusalTime.map { min(Timestamp($0), now) }
    others.successTime = request.lastOtherTime.map { min(Timestamp($0), now) }
    others.refusalTime = request.lastOtherRefusalTime.map { min(Timestamp($0), now) }
  }
}
