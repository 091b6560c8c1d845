/// Every bound of call dispatch, in one place; `docs/limits.md` repeats them.
package enum Limits {
  // What a request may hold.

  /// Destinations of one PlaceCalls.
  package static let destinationsMax = 100
  /// Bytes of a request id.
  package static let requestIDLengthMax = 128
  /// Entries of a call's metadata.
  package static let metadataCountMax = 16
  /// Bytes of a metadata key. With its prefix, a key and its value stay under the 500 characters
  /// that Twilio takes for one stream parameter.
  package static let metadataKeyLengthMax = 40
  /// Bytes of a metadata value.
  package static let metadataValueLengthMax = 400
  /// How long a destination may ring, in seconds; the carrier takes 5 to 600.
  package static let ringingTimeoutSeconds = 5...600
  package static let ringingTimeoutSecondsDefault = 60
  /// How long a call may last once answered, in seconds: the carrier's own longest is 24 hours.
  package static let timeLimitSeconds = 1...86_400
  /// Calls of one page.
  package static let pageSizeMax = 200
  package static let pageSizeDefault = 50
  /// Bytes of a page or resume token.
  package static let tokenLengthMax = 256

  // What a webhook may hold.

  /// Parameters of one webhook.
  package static let webhookParametersMax = 200
  /// Bytes of a caller's or callee's address; what is longer is cut.
  package static let partyLengthMax = 256

  /// Inbound calls that are answered from memory while the store is away; further ones get 503, and
  /// the carrier goes on to the fallback URL.
  package static let unsavedCallsMax = 10_000

  // Work that outlives its request.

  /// Calls that are dialled, reconciled or ended at the same time.
  package static let workConcurrencyMax = 32
  /// How long a call's work is left alone once somebody took it. Longer than any one request to the
  /// carrier, so work that is due again was given up by whoever took it.
  package static let workLease: Duration = .seconds(90)
  /// The longest wait of the worker before it asks the store again.
  package static let workPollInterval: Duration = .seconds(5)
  /// The shortest, unless somebody wakes it: what is due may be in flight already.
  package static let workPauseMin: Duration = .milliseconds(100)
  /// How often a dial that did nothing is repeated, after the first time.
  package static let dialRetryMax = 5
  /// The wait before the first repeat; doubles each time.
  package static let dialRetryDelay: Duration = .milliseconds(200)
  package static let dialRetryDelayMax: Duration = .seconds(10)
  /// How long a dial waits for the unresolved attempt to the same destination.
  package static let dialBlockedMax: Duration = .seconds(300)
  package static let dialBlockedDelay: Duration = .seconds(1)
  /// The wait before the first look for a lost dial at the carrier; doubles each time.
  package static let reconcileDelay: Duration = .seconds(2)
  package static let reconcileDelayMax: Duration = .seconds(600)
  /// After this a lost dial fails: the carrier keeps no call longer in its queue.
  package static let reconcilePeriod: Duration = .seconds(86_400)
  /// How much earlier than our own time the carrier may date a call that we asked for.
  package static let carrierClockSkewMax: Duration = .seconds(120)
  /// Calls that one look at the carrier reads.
  package static let reconcileListMax = 50
  /// The waits between two looks at a live call whose end nobody reported.
  package static let refreshDelay: Duration = .seconds(120)
  package static let refreshDelayMax: Duration = .seconds(3600)
  /// How often a hang-up or an inbound check is repeated while the carrier does not answer.
  package static let carrierRetryMax = 8
  package static let carrierRetryDelay: Duration = .milliseconds(500)
  package static let carrierRetryDelayMax: Duration = .seconds(60)
  /// Looks at the carrier for an unsigned inbound call before its absence counts as forgery: the
  /// carrier may show a new call late. With the waits of `carrierRetryDelay` the last look is 31.5
  /// seconds after the first; a call that is there and another is ended at once.
  package static let verificationTriesMax = 7
  /// Tries of one change against others' changes of the same call.
  package static let updateTriesMax = 8
  /// How long PlaceCalls waits for the carrier's acceptance at most.
  package static let acceptanceWaitMax: Duration = .seconds(45)
  /// How long a request id is remembered. The model promises 48 hours.
  package static let requestIDPeriod: Duration = .seconds(72 * 3600)
  /// Request ids that one sweep forgets.
  package static let requestSweepMax = 1000
  package static let requestSweepInterval: Duration = .seconds(3600)

  // Staged credentials.

  /// Of so many requests about a provider's calls one is made with its staged credentials first.
  package static let stagedShare = 8
  /// How long staged credentials are left alone after the carrier refused them.
  package static let stagedPause: Duration = .seconds(60)
  /// How often the registry is told what became of them.
  package static let stagedTellInterval: Duration = .seconds(10)
  /// Providers whose staged credentials are tried at a time; those of more are not, and what
  /// webhooks they sign is taken and not counted.
  package static let stagedCountMax = 10_000

  // Calls that are over.

  /// The least that `--call-retention` takes: longer than a request id is remembered, whose repeat
  /// is answered with its calls.
  package static let callRetentionMin: Duration = .seconds(7 * 24 * 3600)
  /// Calls that are forgotten in one transaction.
  package static let callSweepMax = 200
  /// The wait after one such transaction, if there is more.
  package static let callSweepPause: Duration = .milliseconds(100)
  /// How often it is looked for calls that are old enough.
  package static let callSweepInterval: Duration = .seconds(3600)

  // Audit.

  /// Audit entries that are told to the registry at once. They wait in the store until it has them:
  /// as many as calls were placed and ended meanwhile.
  package static let auditBatchMax = 50
  /// How often it is looked for entries that a dispatch which died has left.
  package static let auditPollInterval: Duration = .seconds(60)
  /// The wait before entries are told again to a registry that is away; doubles each time.
  package static let auditRetryDelay: Duration = .milliseconds(500)
  package static let auditRetryDelayMax: Duration = .seconds(15)

  // Watching.

  /// Watchers of one tenant at the same time.
  package static let tenantWatchersMax = 250
  /// Watchers at the same time.
  package static let watchersMax = 1000
  /// How often a dispatch looks for what others wrote to the store that they share, while somebody
  /// watches.
  package static let sharedPollInterval: Duration = .milliseconds(500)
  /// Changes that wait for one watcher; one more and it is ended.
  package static let watcherBufferMax = 1024

  // Routes.

  /// Numbers in memory.
  package static let routesMax = 4_000_000
  /// Bytes of a URL that a route names.
  package static let urlLengthMax = 2048
  /// The wait before the route feed is opened again; doubles each time.
  package static let routeRetryDelay: Duration = .milliseconds(200)
  package static let routeRetryDelayMax: Duration = .seconds(10)
}
