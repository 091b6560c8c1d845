/// Every bound of the registry, in one place: `docs/limits.md` is written from it.
///
/// Lengths are Unicode scalars, or bytes where they say so.
package enum RegistryLimits {
  // Texts
  package static let displayNameLengthMax = 128
  package static let labelLengthMax = 128
  /// Bytes of an API key secret or Auth Token; Twilio's have 32.
  package static let secretLengthMax = 128
  package static let requestIDLengthMax = 64
  package static let etagLengthMax = 64
  package static let streamURLLengthMax = 2048
  package static let sipURILengthMax = 255
  package static let sipUsernameLengthMax = 64
  /// Bytes.
  package static let sipPasswordLengthMax = 128
  /// Bytes of a SIP trunk's host with its port.
  package static let sipAddressLengthMax = 255
  package static let sipHeaderNameLengthMax = 64
  package static let sipHeaderValueLengthMax = 256
  /// Bytes of a LiveKit server's address.
  package static let gatewayURLLengthMax = 255
  package static let gatewayKeyLengthMax = 64
  package static let streamParameterNameLengthMax = 64
  package static let streamParameterValueLengthMax = 400

  // Maps and lists
  package static let labelCountMax = 32
  package static let labelKeyLengthMax = 63
  package static let labelValueLengthMax = 256
  package static let maskPathCountMax = 32
  package static let maskPathLengthMax = 128
  package static let connectionCountMax = 8
  package static let streamParameterCountMax = 16
  /// Headers that a SIP trunk sends with each INVITE.
  package static let sipHeaderCountMax = 16
  /// Addresses, and callers' numbers, that a SIP trunk lets in.
  package static let sipAllowedCountMax = 64
  /// Numbers shown with an agent; the rest is listed by `agent_id`.
  package static let agentNumbersMax = 100
  /// Numbers that one request gives to an agent, and that one takes from it.
  package static let linkCountMax = 100
  /// Numbers that a deletion of an agent takes from it.
  package static let unlinkCountMax = 1000
  /// Numbers in an error that could not be linked; the total is given beside them.
  package static let unlinkedNumbersMax = 50
  /// Numbers of one E.164 that a look-up gives.
  package static let e164NumbersMax = 16
  /// Unreachable numbers in an error; the total is given beside them.
  package static let unreachableNumbersMax = 50

  // Pages
  package static let pageSizeDefault = 50
  /// Greater sizes are taken as this one (AIP-158). A page keeps its loop from others while it is
  /// read and written, and of so many numbers it is there within 5 ms.
  package static let pageSizeMax = 200
  package static let pageTokenLengthMax = 2048
  /// Characters of the id in a page token.
  package static let cursorIDLengthMax = 63
  package static let carrierPageTokenLengthMax = 512
  package static let routePageSizeMax = 1000

  // Request ids and history
  /// Promised is 48 hours; pruning comes later, so that clocks may differ.
  package static let requestLifetime: Duration = .seconds(72 * 3600)
  /// How long removed routes and closed journal entries are kept.
  package static let historyLifetime: Duration = .seconds(30 * 24 * 3600)
  package static let pruneCountMax = 1000
  /// The least that `--audit-retention` takes.
  package static let auditRetentionMin: Duration = .seconds(24 * 3600)
  /// Events that are kept for watchers who come back; older ones go with the next housekeeping.
  package static let eventCountMax = 1_000_000

  // Concurrency
  /// Times that a change is tried anew when other writers were faster.
  package static let contentionAttemptsMax = 5
  /// Numbers asked for at once when a new key is tried.
  package static let keyTrialConcurrencyMax = 8
  /// Trials of credentials on every number that go on at once, one of each provider: with
  /// `keyTrialConcurrencyMax` half of what the server's HTTP client sends at once.
  package static let keyTrialsMax = 4
  /// Times that a new key is tried anew because numbers were imported meanwhile.
  package static let keyTrialRoundsMax = 3
  /// Unreachable numbers that the operation of a rotation keeps; the total is given beside them.
  package static let rotationRowsMax = 5000
  /// How long what PromoteCredential replaced is kept, unless `--credential-window` says otherwise.
  package static let credentialWindowDefault: Duration = .seconds(24 * 3600)
  /// The shortest that `--credential-window` takes.
  package static let credentialWindowMin: Duration = .seconds(1)
  /// The longest that it takes.
  package static let credentialWindowMax: Duration = .seconds(30 * 24 * 3600)
  /// Windows whose end a registry waits for at a time; the others end with its next housekeeping.
  package static let credentialWindowsMax = 10_000
  /// Works on numbers that go on at once; more are refused.
  package static let provisioningCountMax = 256
  /// Works on one tenant's numbers that go on at once.
  package static let provisioningTenantCountMax = 64
  /// Journal entries that a start resumes at once.
  package static let resumeConcurrencyMax = 8
  /// Open entries read at once by a start.
  package static let resumePageSize = 100

  // Batch imports
  /// Numbers of a batch.
  package static let batchCountMax = 1000
  /// Bad entries that a refusal of a batch names, about.
  package static let batchViolationsMax = 50
  /// Numbers of one batch that are imported at once.
  package static let batchConcurrencyMax = 8
  /// Times that a number of a batch is tried while the carrier takes no more requests, or other
  /// writers are faster. While too much goes on here it is tried until the caller leaves.
  package static let batchAttemptsMax = 10
  /// Between the first two of those times; twice as long after each, up to `batchDelayMax`.
  package static let batchDelayFirst: Duration = .milliseconds(250)
  /// Also the longest that the carrier may ask for.
  package static let batchDelayMax: Duration = .seconds(5)
  /// Batches that go on at once in a process; more are refused. Those that are taken up after a
  /// crash go beyond it.
  package static let batchesMax = 16
  /// Batches of one tenant that go on at once.
  package static let batchesTenantMax = 4
  /// Before a caller's registry looks again how far a batch is that does not run there; twice as
  /// long after each look, up to `leasePollInterval`.
  package static let batchPollFirst: Duration = .milliseconds(10)

  // Repeats of one external step: with these numbers for about eight minutes
  package static let stepAttemptsMax = 20
  package static let stepDelayFirst: Duration = .milliseconds(250)
  /// Also the longest wait that a carrier may ask for.
  package static let stepDelayMax: Duration = .seconds(30)
  /// Things of one name that are taken away at the end of a step: more than one is there only where
  /// a request had its effect after it was given up.
  package static let resourceCopiesMax = 4
  /// Times that a journal write is tried while the store can't be reached.
  package static let journalAttemptsMax = 8
  // Leases of journal entries, where several registries share a store
  /// How long a registry goes on at the carrier after the last write to the entry that it knows to
  /// be stored.
  package static let leasePeriod: Duration = .seconds(15)
  /// How often it writes to the entry while one step goes on.
  package static let leaseRenewalInterval: Duration = .seconds(5)
  /// How long another must have seen the entry unchanged before it takes it. Longer than
  /// `leasePeriod`: each measures by its own clock, and one of them may be a third slower.
  package static let leaseTakeOverDelay: Duration = .seconds(20)
  /// How often a caller's registry looks how far another's work is.
  package static let leasePollInterval: Duration = .milliseconds(500)
  /// How often a registry looks for entries that nobody works on any more.
  package static let leaseCheckInterval: Duration = .seconds(5)
  /// How long a work that stopped by itself is left alone.
  package static let stoppedWorkDelay: Duration = .seconds(60)

  // A diagnosis of a provider
  /// Numbers that are looked at when the request has no limit.
  package static let diagnosisNumbersDefault = 100
  /// Greater limits are taken as this one.
  package static let diagnosisNumbersMax = 1000
  /// Numbers that are counted; more are said as so many.
  package static let diagnosisCountedNumbersMax = 10_000
  /// Countries that are looked at.
  package static let diagnosisCountriesMax = 32
  /// SIP trunks that are looked at; each is two requests.
  package static let diagnosisTrunksMax = 16
  /// Requests to the carrier at once.
  package static let diagnosisConcurrencyMax = 8
  /// Diagnoses that go on at once, one of each tenant: together half of what the server's HTTP
  /// client sends at once, so that calls have their turn.
  package static let diagnosesMax = 4
  /// How long one looks; what was not looked at by then is said.
  package static let diagnosisTimeMax: Duration = .seconds(25)
  /// What is left of a call's deadline to send the answer.
  package static let diagnosisAnswerTimeMax: Duration = .milliseconds(500)

  /// How long a caller may wait for an operation.
  package static let operationWaitMax: Duration = .seconds(3600)

  /// How long both regions answer after a move, unless told otherwise: the carrier takes up to five
  /// minutes until all of it knows a new region.
  package static let moveOverlap: Duration = .seconds(600)
  /// The most that `--move-overlap` takes.
  package static let moveOverlapMax: Duration = .seconds(3600)

  // Buying
  /// Numbers that a search gives when the request has no limit.
  package static let searchLimitDefault = 20
  /// Greater limits are taken as this one.
  package static let searchLimitMax = 100
  /// Digits and stars that a search may ask for in a row.
  package static let searchPatternLengthMax = 16
  /// How long a number may still come to be bought after the answer was lost, unless
  /// `--purchase-settling` says otherwise.
  package static let purchaseSettling: Duration = .seconds(120)
  /// The most that it takes.
  package static let purchaseSettlingMax: Duration = .seconds(3600)
  /// How often the number is looked for meanwhile.
  package static let purchaseSeekInterval: Duration = .seconds(5)
  /// How often it is looked for while the carrier can't be asked.
  package static let purchaseSeekDelay: Duration = .seconds(30)
  /// How long it is looked for while the carrier can't be asked.
  package static let purchaseSoughtMax: Duration = .seconds(24 * 3600)

  /// Callers that wait for one work at once.
  package static let joinersMax = 64

  // Drift
  /// Numbers with findings, and numbers with other labels, that a look at a provider tells one by
  /// one; the totals are given beside them.
  package static let driftRowsMax = 500
  /// Characters of the host that stands where ours stood.
  package static let driftHostLengthMax = 253
  /// Numbers read at once when they are compared, at the carrier and here.
  package static let driftPageSize = 200
  /// Times that the carrier is asked the same while it says that it is asked too often.
  package static let driftAttemptsMax = 5
  /// Numbers that a sync asks for at once.
  package static let syncConcurrencyMax = 8
  /// How often a sync writes down how far it is.
  package static let syncProgressInterval: Duration = .seconds(1)
  /// Providers that a sweep looks at at once.
  package static let sweepConcurrencyMax = 8
  /// Providers that a sweep reads at once.
  package static let sweepPageSize = 100
  /// Between two numbers that a sweep asks one provider's carrier for.
  package static let sweepRequestInterval: Duration = .milliseconds(200)
  /// The most that `--sweep-interval` takes.
  package static let sweepIntervalMax: Duration = .seconds(7 * 24 * 3600)

  // The route feed
  /// Readers that wait for a change at once.
  package static let routeWaitersMax = 256
  /// How often a waiting reader looks again though nothing was signalled: another process may have
  /// written.
  package static let routePollInterval: Duration = .milliseconds(500)

  // Watching numbers
  /// Watches of numbers in a process at the same time.
  package static let watchersMax = 1000
  /// Watches of one tenant's numbers in a process at the same time.
  package static let tenantWatchersMax = 100
  /// Changes of all tenants that are kept for watches in memory; older ones are read from the
  /// store.
  package static let watchEventsMax = 512
  /// Numbers or changes that one watch holds at a time.
  package static let watchPageSize = 50
  /// While nothing changes a watch says so this often.
  package static let watchHeartbeatInterval: Duration = .seconds(10)
}
