internal import StoreSQL

extension SQLiteRegistryMigrations {
  /// Keeps numbers' rows by a number of SQLite's own, and their key as an index.
  ///
  /// A table WITHOUT ROWID has whole rows in the inner pages of its tree, too, and what goes beyond
  /// a quarter of a page in a page of its own (sqlite.org/withoutrowid.html, "When To Use"). With
  /// documents of 1.4 kB the tree of a million was eight levels deep, and each row had a page
  /// besides; by number it is three levels, and the key's index four, of which the cache holds all
  /// but the last.
  ///
  /// The columns, their names and the other indexes stay.
  static let numberedRows = SQLiteMigrations.Step(
    "keep numbers' rows by number: a tree of their keys is deep",
    script: "", fill: numberRows)

  /// Pages of the new table that are changed again while it is made; SQLite's own 2 MiB would have
  /// it write them to the log again and again.
  private static let cacheKibibytes = 256 << 10

  private static func numberRows(
    _ connection: SQLiteConnection
  ) throws(SQLiteMigrations.Failure) {
    do throws(SQLiteError) {
      let cache = try connection.first("PRAGMA cache_size")?.integer(0) ?? 0
      let wipes = try connection.first("PRAGMA secure_delete")?.integer(0) ?? 0
      try connection.run("PRAGMA cache_size=-\(cacheKibibytes)")
      // The rows are still there: to wipe their old pages would write each once more.
      try connection.run("PRAGMA secure_delete=0")
      try moveRows(connection)
      try connection.run("PRAGMA secure_delete=\(wipes)")
      try connection.run("PRAGMA cache_size=\(cache)")
    } catch {
      throw .sqlite(error)
    }
  }

  private static func moveRows(_ connection: SQLiteConnection) throws(SQLiteError) {
    let made = try connection.run(
      """
      SELECT sql FROM sqlite_schema WHERE tbl_name = 'phone_numbers' AND sql IS NOT NULL
      ORDER BY type DESC, name
      """
    ).map { $0.text(0) }
    guard let table = made.first else { return }
    try connection.runScript("ALTER TABLE phone_numbers RENAME TO old_phone_numbers")
    try connection.runScript(table.replacing(", WITHOUT ROWID", with: ""))
    // In the order of the key, as they lie: the new index grows at its end.
    try connection.runScript("INSERT INTO phone_numbers SELECT * FROM old_phone_numbers")
    // The indexes' names are free only when the old table is gone.
    try connection.runScript("DROP TABLE old_phone_numbers")
    for index in made.dropFirst() { try connection.runScript(index) }
  }
}
