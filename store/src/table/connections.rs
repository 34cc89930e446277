//! `connections` and `certificates`: a chain is kept as hashes, so that a certificate is stored once.

use crate::{
    flow::{App, Connection, ConnectionId, Timestamp, TlsInfo},
    sqlite::{Database, Failed, Statement, Value},
    table,
};
use sha2::{Digest, Sha256};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use std::{collections::HashSet, sync::Arc};

const INSERT: &str = "INSERT OR REPLACE INTO connections VALUES \
    (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const INSERT_CERTIFICATE: &str = "INSERT OR IGNORE INTO certificates VALUES (?, ?)";

const ONE: &str = "SELECT * FROM connections WHERE id = ?";

/// Reads many connections. A list of numbers to bind.
pub(crate) const MANY: &str = "SELECT connections.* FROM (SELECT value FROM json_each(?)) CROSS JOIN connections \
     ON connections.id = value ORDER BY connections.id";

/// How many hashes of certificates that are in the table are remembered.
const REMEMBERED: usize = 4096;

/// What writes connections.
pub(crate) struct ConnectionsTable<'d> {
    insert: Statement<'d>,
    insert_certificate: Statement<'d>,
    /// Certificates that are in the table.
    stored: HashSet<[u8; 32]>,
}

impl<'d> ConnectionsTable<'d> {
    pub(crate) fn prepare(database: &'d Database<'_>) -> Result<Self, Failed> {
        Ok(Self {
            insert: database.prepare(INSERT)?,
            insert_certificate: database.prepare(INSERT_CERTIFICATE)?,
            stored: HashSet::new(),
        })
    }

    /// Writes a connection, or writes it again.
    pub(crate) fn write(&mut self, connection: &Connection) -> Result<(), Failed> {
        let client_chain = self.chain(connection.client_tls.as_ref())?;
        let server_chain = self.chain(connection.server_tls.as_ref())?;
        let client = connection.client.to_string();
        let local = connection.local.to_string();
        let server = connection.server.map(|a| a.to_string());
        let upstream_local = connection.upstream_local.map(|a| a.to_string());
        let client_tls = tls_text(connection.client_tls.as_ref());
        let server_tls = tls_text(connection.server_tls.as_ref());
        let moment = |at: Option<Timestamp>| Value::from(at.map(|at| at.0));
        self.insert.run(&[
            Value::Int(connection.id.0),
            Value::Text(&client),
            Value::Text(&local),
            Value::Text(&connection.host),
            Value::Int(connection.port.into()),
            server.as_deref().into(),
            upstream_local.as_deref().into(),
            client_tls.as_deref().into(),
            server_tls.as_deref().into(),
            Value::Blob(&client_chain),
            Value::Blob(&server_chain),
            Value::Int(connection.accepted.0),
            moment(connection.dns_start),
            moment(connection.dns_done),
            moment(connection.connect_start),
            moment(connection.connected),
            moment(connection.server_tls_done),
            moment(connection.client_tls_done),
            moment(connection.closed),
            connection.closed_by.map(|p| p as i64).into(),
            Value::Int(connection.reset.into()),
            connection.app.as_ref().map(|app| app.name.as_str()).into(),
            connection.app.as_ref().map(|app| i64::from(app.pid)).into(),
            connection.via.as_deref().into(),
            connection.mapped.as_deref().into(),
            connection.through.as_deref().into(),
        ])?;
        Ok(())
    }

    /// What was written since the last commit may be gone, or was deleted.
    pub(crate) fn forget_certificates(&mut self) {
        self.stored.clear();
    }

    fn chain(&mut self, tls: Option<&TlsInfo>) -> Result<Vec<u8>, Failed> {
        let mut chain = Vec::new();
        for der in tls.map(|t| t.certificates.iter()).into_iter().flatten() {
            let hash: [u8; 32] = Sha256::digest(der).into();
            chain.extend_from_slice(&hash);
            if self.stored.contains(&hash) {
                continue;
            }
            let values = [Value::Blob(&hash), Value::Blob(der)];
            self.insert_certificate.run(&values)?;
            if self.stored.len() >= REMEMBERED {
                self.stored.clear();
            }
            self.stored.insert(hash);
        }
        Ok(chain)
    }
}

fn tls_text(tls: Option<&TlsInfo>) -> Option<String> {
    // plain text fields: there is nothing in them that JSON could refuse
    tls.and_then(|tls| serde_json::to_string(tls).ok())
}

/// Reads a connection with both certificate chains.
pub(crate) async fn read(
    database: &mut SqliteConnection,
    id: ConnectionId,
) -> Result<Option<Connection>, sqlx::Error> {
    let row = sqlx::query(ONE).bind(id.0).fetch_optional(&mut *database);
    let Some(row) = row.await? else {
        return Ok(None);
    };
    let mut found = connection(&row)?;
    if let Some(tls) = &mut found.client_tls {
        tls.certificates = certificates(database, row.try_get("client_chain")?).await?;
    }
    if let Some(tls) = &mut found.server_tls {
        tls.certificates = certificates(database, row.try_get("server_chain")?).await?;
    }
    Ok(Some(found))
}

/// Reads a row, without certificates.
pub(crate) fn connection(row: &SqliteRow) -> Result<Connection, sqlx::Error> {
    let moment = |name| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.map(Timestamp));
    let tls = |name| {
        let text: Option<&str> = row.try_get(name)?;
        Ok::<_, sqlx::Error>(text.map(|t| serde_json::from_str::<TlsInfo>(t).unwrap_or_default()))
    };
    let party: Option<i64> = row.try_get("closed_by")?;
    let server: Option<&str> = row.try_get("server")?;
    let upstream_local: Option<&str> = row.try_get("upstream_local")?;
    Ok(Connection {
        id: ConnectionId(row.try_get("id")?),
        client: table::address(row.try_get("client")?),
        local: table::address(row.try_get("local")?),
        app: match (row.try_get("app")?, row.try_get("pid")?) {
            (Some(name), Some(pid)) => Some(App { name, pid }),
            _ => None,
        },
        through: row.try_get("through")?,
        host: row.try_get("host")?,
        port: row.try_get("port")?,
        server: server.map(table::address),
        upstream_local: upstream_local.map(table::address),
        via: row.try_get("via")?,
        mapped: row.try_get("mapped")?,
        client_tls: tls("client_tls")?,
        server_tls: tls("server_tls")?,
        accepted: Timestamp(row.try_get("accepted")?),
        dns_start: moment("dns_start")?,
        dns_done: moment("dns_done")?,
        connect_start: moment("connect_start")?,
        connected: moment("connected")?,
        server_tls_done: moment("server_tls_done")?,
        client_tls_done: moment("client_tls_done")?,
        closed: moment("closed")?,
        closed_by: party.map(table::flows::as_party),
        reset: row.try_get("reset")?,
    })
}

async fn certificates(
    database: &mut SqliteConnection,
    chain: &[u8],
) -> Result<Arc<[Vec<u8>]>, sqlx::Error> {
    let mut found = Vec::new();
    for hash in chain.chunks(32) {
        let der = sqlx::query_scalar("SELECT der FROM certificates WHERE sha256 = ?")
            .bind(hash)
            .fetch_optional(&mut *database)
            .await?;
        found.extend(der);
    }
    Ok(found.into())
}
