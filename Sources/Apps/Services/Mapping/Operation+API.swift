internal import API
internal import GRPC
internal import Registry
internal import Telephony
internal import WellKnown

extension ListOperations {
  init(_ request: Trunkline.V1.ListOperationsRequest) {
    self.init(
      page: PageRequest(size: Int(request.pageSize), token: request.pageToken),
      phoneNumberID: request.phoneNumberID, providerID: request.providerID,
      state: request.state.choice)
  }
}

extension Trunkline.V1.Operation {
  /// - Parameter isListed: it stands among others, which leaves out what is long.
  init(_ operation: Registry.Operation, isListed: Bool = false) {
    self.init()
    id = operation.id.description
    switch operation.kind {
    case .importNumber: type = .importPhoneNumber
    case .deleteNumber: type = .deletePhoneNumber
    case .repairNumber: type = .repairPhoneNumber
    case .moveNumber: type = .movePhoneNumber
    case .syncProvider: type = .syncProvider
    case .provisionNumber: type = .provisionPhoneNumber
    case .releaseNumber: type = .releasePhoneNumber
    case .importBatch: type = .batchImport
    case .rotateCredential: type = .rotateCredential
    }
    switch operation.subject {
    case .number(let id): resource = .phoneNumberID(id.description)
    case .provider(let id), .credential(let id), .batch(let id, _):
      resource = .providerID(id.description)
    }
    state = State(operation.state)
    steps = operation.steps.map { Step($0) }
    error = operation.failure.map { failure in
      if let refusal = operation.refusal { return Google.Rpc.Status(RPCError(refusal)) }
      let isTrade = operation.kind == .provisionNumber || operation.kind == .releaseNumber
      let details =
        isTrade
        ? ErrorDetails.trade(operation, failure)
        : .provisioning(operation.subject, failure, operation.leftovers, of: operation.kind)
      return Google.Rpc.Status(details.error)
    }
    if let sync = operation.sync { result = .sync(Sync(sync, isListed: isListed)) }
    if let batch = operation.batch {
      result = .batchImport(BatchImport(batch, isListed: isListed))
    }
    if let rotation = operation.rotation {
      result = .rotation(Rotation(rotation, isListed: isListed))
    }
    cancelRequested = operation.isCancelRequested
    createTime = Google.Protobuf.Timestamp(operation.createTime)
    updateTime = Google.Protobuf.Timestamp(operation.updateTime)
    endTime = operation.endTime.map { Google.Protobuf.Timestamp($0) }
  }
}

extension Trunkline.V1.Operation.Sync {
  fileprivate init(_ sync: SyncRecord, isListed: Bool) {
    self.init()
    dryRun = sync.isDryRun
    comparedCount = Int64(sync.comparedCount)
    driftedCount = Int64(sync.driftedCount)
    markedCount = Int64(sync.markedCount)
    healedCount = Int64(sync.healedCount)
    skippedCount = Int64(sync.skippedCount)
    unreadCount = Int64(sync.unreadCount)
    unimportedCount = Int64(sync.unimportedCount)
    numberCount = Int64(sync.rowCount)
    otherLabelCount = Int64(sync.otherLabelCount)
    guard !isListed else { return }
    numbers = sync.rows.map { Number($0) }
    otherLabels = sync.otherLabels.map {
      OtherLabel(phoneNumberID: $0.numberID.description, label: $0.label)
    }
  }
}

extension Trunkline.V1.Operation.Sync.Number {
  fileprivate init(_ row: SyncRecord.Row) {
    self.init()
    phoneNumberID = row.numberID.description
    e164 = row.e164.text
    findings = row.conditions.map { Trunkline.V1.Condition($0) }
    switch row.change {
    case .none: change = .unspecified
    case .marked: change = .marked
    case .healed: change = .healed
    }
  }
}

extension Trunkline.V1.Operation.BatchImport {
  fileprivate init(_ batch: BatchRecord, isListed: Bool) {
    self.init()
    doneCount = Int32(clamping: batch.rows.count)
    failedCount = Int32(clamping: batch.failedCount)
    totalCount = Int32(clamping: batch.entries.count)
    guard !isListed else { return }
    results = batch.rows.map { row in
      let outcome: Result.Outcome? =
        if let refusal = row.refusal {
          .error(Google.Rpc.Status(RPCError(refusal.error)))
        } else {
          row.numberID.map { .phoneNumberID($0.description) }
        }
      let isKnown = batch.entries.indices.contains(row.index)
      return Result(
        index: Int32(clamping: row.index), e164: isKnown ? batch.entries[row.index].e164 : "",
        outcome: outcome)
    }
  }
}

extension Trunkline.V1.Operation.Rotation {
  fileprivate init(_ rotation: RotationRecord, isListed: Bool) {
    self.init()
    triedCount = Int64(rotation.triedCount)
    totalCount = Int64(rotation.totalCount)
    unreachableCount = Int64(rotation.rowCount)
    guard !isListed else { return }
    unreachableNumbers = rotation.rows.map {
      Number(
        phoneNumberID: $0.numberID.description, e164: $0.e164.text,
        carrierCode: $0.carrierCode.map { Int32(clamping: $0) })
    }
  }
}

extension Trunkline.V1.Operation.State {
  fileprivate init(_ state: OperationState) {
    switch state {
    case .running: self = .running
    case .succeeded: self = .succeeded
    case .failed: self = .failed
    }
  }

  /// What a filter means.
  fileprivate var choice: Choice<OperationState> {
    switch self {
    case .unspecified: .unset
    case .running: .value(.running)
    case .succeeded: .value(.succeeded)
    case .failed: .value(.failed)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.Operation.Step {
  fileprivate init(_ step: OperationStep) {
    self.init()
    switch step.kind {
    case .trunk: type = .trunk
    case .credentialList: type = .credentialList
    case .credential: type = .credential
    case .trunkCredentialList: type = .trunkCredentialList
    case .originationURL: type = .originationURL
    case .gatewayInboundTrunk: type = .gatewayInboundTrunk
    case .gatewayOutboundTrunk: type = .gatewayOutboundTrunk
    case .dispatchRule: type = .dispatchRule
    case .trunkNumber: type = .trunkNumber
    case .webhook: type = .webhook
    case .processingRegion: type = .processingRegion
    case .propagation: type = .propagation
    case .purchase: type = .purchase
    case .release: type = .release
    // It changes nothing, and is no step of an operation.
    case .readBack: type = .unspecified
    }
    switch step.state {
    case .pending: state = .pending
    case .running: state = .running
    case .done: state = .done
    case .undoing: state = .undoing
    case .undone: state = .undone
    case .left: state = .left
    }
    region = Trunkline.V1.Region(step.region)
    carrierCode = step.carrierCode.map { Int32(clamping: $0) }
  }
}
