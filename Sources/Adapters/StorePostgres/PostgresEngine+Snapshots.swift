internal import StoreSQL

/// An export reads a server in one REPEATABLE READ transaction.
extension PostgresEngine: SQLSnapshots {}
