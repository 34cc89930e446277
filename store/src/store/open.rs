//! Opening: who may write, which version the database has, and the settings that were measured.

use super::{
    Inner, StoreOptions,
    bin::Bin,
    checkpoints::{Checkpoints, Log},
    lock::{self, Lock},
};
use crate::{
    changes::Changed,
    error::Error,
    flow::{SessionId, Timestamp},
    read,
    recorder::queue::Queue,
    table::{chunks, sessions},
    writer::{self, Writer},
};
use sqlx::{
    Connection as _, Row, SqliteConnection,
    migrate::Migrator,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};
use std::{fs::OpenOptions, io, path::Path, sync::Arc, time::Duration};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Readers at once.
const READERS: u32 = 4;

/// A log of this many pages (64 MiB) is checkpointed by the writer itself.
const BACKSTOP: &str = "4096";

/// The pages of one batch (as many bytes as may wait, and some) that are written at once, when it is committed: 16 MiB.
const SPILL: &str = "1024";

pub(super) async fn open(options: StoreOptions) -> Result<Inner, Error> {
    let StoreOptions { path, read_only } = options;
    let lock = if read_only {
        None
    } else {
        create(&path)?;
        Some(Lock::take(&path)?)
    };
    if read_only && !path.exists() {
        return Err(Error::Folder {
            path,
            reason: "there is no such file: nothing was recorded here yet".to_owned(),
        });
    }
    look(&path).await?;
    let wrong = |error| wrong(&path, error);

    let changes = Changed::new(!read_only);
    let (queue, checkpoints, bin) = if read_only {
        let mut connection = SqliteConnection::connect_with(&reading(&path))
            .await
            .map_err(wrong)?;
        let found = version(&mut connection).await.map_err(wrong)?;
        check(&path, found)?;
        connection.close().await.map_err(wrong)?;
        if found < known() {
            // of an older program: brought up to date as if to record
            let _lock = Lock::take(&path)?;
            let mut connection = connect_writer(&path).await?;
            migrate(&path, &mut connection).await?;
            connection.close().await.map_err(wrong)?;
        }
        let queue = Queue::new(1, 1, SessionId(0));
        queue.close();
        (Arc::new(queue), None, Bin::new(0))
    } else {
        let mut connection = connect_writer(&path).await?;
        migrate(&path, &mut connection).await?;
        let killed = writer::interrupt_killed(&mut connection)
            .await
            .map_err(wrong)?;
        if killed > 0 {
            tracing::warn!("{killed} flows were going on when the program was killed");
        }
        end_captures(&mut connection).await.map_err(wrong)?;
        let (flow, connection_id) = next_ids(&mut connection).await.map_err(wrong)?;
        let session = current_session(&mut connection).await.map_err(wrong)?;
        let batch = newest_batch(&mut connection).await.map_err(wrong)?;
        let queue = Arc::new(Queue::new(flow, connection_id, session));
        let log = Arc::new(Log::default());
        let checkpoints = Checkpoints::start(&path, log.clone())
            .await
            .map_err(wrong)?;
        let writer = Writer {
            connection,
            queue: queue.clone(),
            changes: changes.clone(),
            log,
            path: path.clone(),
            lock,
            open_from: connection_id,
        };
        writer.start().map_err(|error| Error::Folder {
            path: path.clone(),
            reason: format!("the writer's thread cannot start: {error}"),
        })?;
        (queue, Some(checkpoints), Bin::new(batch))
    };
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .after_connect(|connection, _| Box::pin(read::prepare(connection)))
        .connect_lazy_with(reading(&path).pragma("query_only", "ON"));
    Ok(Inner {
        path,
        read_only,
        readers,
        queue,
        changes,
        checkpoints,
        bin,
    })
}

/// Makes the file, for its owner alone: SQLite would let the group and others read it.
fn create(path: &Path) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    lock::private(&mut options);
    let made = options.open(path);
    made.map(drop).map_err(|error| Error::Folder {
        path: path.to_owned(),
        reason: advice(&error),
    })
}

fn advice(error: &io::Error) -> String {
    let todo = match error.kind() {
        io::ErrorKind::NotFound => "make the folder first, or choose another one with --data",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that you may write into with --data"
        }
        _ => "choose another folder with --data",
    };
    format!("{error} ({todo})")
}

fn base(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(false)
        .thread_name(|id| format!("overhear-sql-{id}"))
}

/// How to read: a reader must be able to write the log's index, also to recover the log of a killed program.
pub(crate) fn reading(path: &Path) -> SqliteConnectOptions {
    base(path).pragma("cache_size", "-2048")
}

async fn connect_writer(path: &Path) -> Result<SqliteConnection, Error> {
    let options = base(path)
        .page_size(16384)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("cache_size", "-8192")
        .pragma("cache_spill", SPILL)
        .pragma("wal_autocheckpoint", BACKSTOP)
        .pragma("journal_size_limit", "67108864");
    let connection = SqliteConnection::connect_with(&options).await;
    connection.map_err(|error| wrong(path, error))
}

fn known() -> i64 {
    MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0)
}

/// The schema's version; 0 for an empty database.
async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(table)
        .fetch_one(&mut *connection)
        .await?;
    if tables == 0 {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    sqlx::query_scalar(newest).fetch_one(connection).await
}

/// Refuses the database of a newer program before anything could change its file: opening it to write sets how it is
/// written, and closing it empties its log.
async fn look(path: &Path) -> Result<(), Error> {
    if std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(());
    }
    let options = base(path).read_only(true);
    let Ok(mut connection) = SqliteConnection::connect_with(&options).await else {
        // whatever it is, opening it as it is meant to be opened says it better
        return Ok(());
    };
    let found = version(&mut connection).await;
    // nothing was written
    let _ = connection.close().await;
    check(path, found.unwrap_or(0))
}

fn check(path: &Path, found: i64) -> Result<(), Error> {
    let known = known();
    if found <= known {
        return Ok(());
    }
    Err(Error::Newer {
        path: path.to_owned(),
        found,
        known,
    })
}

async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let found = version(connection)
        .await
        .map_err(|error| wrong(path, error))?;
    check(path, found)?;
    let migrated = MIGRATIONS.run(connection).await;
    migrated.map_err(|error| wrong(path, error.into()))
}

/// The numbers of the first flow and connection. Also what waits to be reclaimed counts: it is not to take
/// new bodies with it.
async fn next_ids(connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    let query = "SELECT coalesce((SELECT max(id) FROM flows), 0), \
        coalesce((SELECT max(id) FROM chunks), 0), coalesce((SELECT max(last) FROM reclaim), 0), \
        coalesce((SELECT max(id) FROM heads), 0) >> 3, \
        coalesce((SELECT max(id) FROM connections), 0), \
        coalesce((SELECT max(connection) FROM flows), 0), \
        coalesce((SELECT max(id) FROM trash), 0)";
    let row = sqlx::query(query).fetch_one(connection).await?;
    let int = |at| row.try_get::<i64, _>(at);
    let flow = int(0)?
        .max(chunks::flow_of(int(1)?))
        .max(chunks::flow_of(int(2)?))
        .max(int(3)?)
        .max(int(6)?);
    Ok((flow + 1, int(4)?.max(int(5)?) + 1))
}

/// Ends the captures of a program that was killed.
async fn end_captures(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let sql = "UPDATE captures SET error = 'The program was killed.', ended = max(started, coalesce( \
        (SELECT max(last) FROM packet_files WHERE capture = captures.id), 0)) WHERE ended IS NULL";
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}

/// The newest deletion of earlier runs that may have left something.
async fn newest_batch(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let sql = "SELECT max(coalesce((SELECT max(batch) FROM trash), 0), \
        coalesce((SELECT max(batch) FROM sessions), 0))";
    sqlx::query_scalar(sql).fetch_one(connection).await
}

/// The session that is recorded into: the one of the last run. An import that was interrupted has ended.
async fn current_session(connection: &mut SqliteConnection) -> Result<SessionId, sqlx::Error> {
    let ended = "UPDATE sessions SET ended = started WHERE source = 1 AND ended IS NULL";
    sqlx::query(ended).execute(&mut *connection).await?;
    let found: Option<i64> = sqlx::query_scalar(sessions::CURRENT)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(id) = found {
        return Ok(SessionId(id));
    }
    let begin = "INSERT INTO sessions (name, source, started, flows, bytes, first, last) \
        VALUES ('', 0, ?, 0, 0, 9223372036854775807, 0) RETURNING id";
    let begin = sqlx::query_scalar(begin).bind(Timestamp::now().0);
    Ok(SessionId(begin.fetch_one(connection).await?))
}

/// A database error at opening, in words.
fn wrong(path: &Path, error: sqlx::Error) -> Error {
    let code = match &error {
        sqlx::Error::Database(error) => error.code().and_then(|c| c.parse::<i32>().ok()),
        _ => None,
    };
    let path = path.to_owned();
    match code.map(|code| code & 0xff) {
        Some(libsqlite3_sys::SQLITE_FULL) => Error::DiskFull { path },
        Some(libsqlite3_sys::SQLITE_NOTADB) => Error::Folder {
            path,
            reason: "this file is not a database of overhear: move it away, or choose another folder with --data"
                .to_owned(),
        },
        Some(libsqlite3_sys::SQLITE_CANTOPEN | libsqlite3_sys::SQLITE_READONLY) => Error::Folder {
            path,
            reason: format!("{error}: choose a folder that you may write into with --data"),
        },
        _ => Error::Database(error),
    }
}
