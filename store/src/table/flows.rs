//! `flows`: one narrow row a flow.

use crate::{
    flow::{
        Color, ConnectionId, Failure, FailureCause, Flow, FlowId, Kind, MessageInfo, Party,
        SessionId, State, Times, Timestamp, Version,
    },
    grpc::GrpcStatus,
    sqlite::Value,
    table,
};
use sqlx::{Row, sqlite::SqliteRow};

/// What [`flow`] reads and [`INSERT`] writes, in the order of [`values`].
pub(crate) const COLUMNS: &str = "id, connection, kind, state, status, port, started, \
    request_first, request_last, response_first, response_last, ended, \
    request_version, request_head_size, request_body_size, \
    response_version, response_head_size, response_body_size, \
    replay_of, error_cause, error_side, method, scheme, host, \
    request_type, request_encoding, response_type, response_encoding, \
    client, server, path, error_text, request_raw, response_raw, modified, rules, grpc_status, grpc_message, \
    tags, comment, session, color, starred, app";

/// Writes a new flow. What was added to the table later stands at its end.
pub(crate) const INSERT: &str = "INSERT INTO flows VALUES \
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
    ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?39, ?40, ?41, ?42, ?43, ?35, ?44, \
    ?33, ?34, ?36, ?37, ?38)";

/// Writes a flow again. What a person notes stays (it may have changed meanwhile), and the session.
pub(crate) const UPDATE: &str = "UPDATE flows SET connection = ?2, kind = ?3, state = ?4, \
    status = ?5, port = ?6, started = ?7, request_first = ?8, request_last = ?9, \
    response_first = ?10, response_last = ?11, ended = ?12, request_version = ?13, \
    request_head_size = ?14, request_body_size = ?15, response_version = ?16, \
    response_head_size = ?17, response_body_size = ?18, replay_of = ?19, error_cause = ?20, \
    error_side = ?21, method = ?22, scheme = ?23, host = ?24, request_type = ?25, \
    request_encoding = ?26, response_type = ?27, response_encoding = ?28, client = ?29, \
    server = ?30, path = ?31, error_text = ?32, request_raw = ?33, response_raw = ?34, \
    modified = ?35, rules = ?36, grpc_status = ?37, grpc_message = ?38 WHERE id = ?1";

/// Puts tags (?2), a comment (?3), a color (?4, 0 takes it off) and a star (?5) on a flow (?1); NULL leaves what is
/// there.
pub(crate) const ANNOTATE: &str = "UPDATE flows SET tags = coalesce(?2, tags), \
    comment = coalesce(?3, comment), color = coalesce(?4, color), starred = coalesce(?5, starred) \
    WHERE id = ?1";

/// Says of a flow (?1) which program it is of (?2).
pub(crate) const NAME_APP: &str = "UPDATE flows SET app = ?2 WHERE id = ?1";

/// Ends what is still running, as interrupted: ?1 is the cause, ?2 the side, ?3 the text.
pub(crate) const INTERRUPT: &str = "UPDATE flows SET state = 3, error_cause = ?1, error_side = ?2, \
    error_text = ?3, ended = max(started, coalesce(request_first, 0), coalesce(request_last, 0), \
    coalesce(response_first, 0), coalesce(response_last, 0)) WHERE state = 0";

/// What every flow is written with.
pub(crate) const VALUES: usize = 44;

/// What [`UPDATE`] takes of it.
pub(crate) const UPDATED: usize = 38;

/// The values of a row; the addresses are given as text.
pub(crate) fn values<'v>(
    flow: &'v Flow,
    client: &'v str,
    server: Option<&'v str>,
) -> [Value<'v>; VALUES] {
    use Value::{Int, Text};
    let moment = |at: Option<Timestamp>| Value::from(at.map(|at| at.0));
    let version = |version: Option<Version>| Value::from(version.map(|v| v as i64));
    let error = flow.error.as_ref();
    let grpc = flow.grpc.as_ref();
    [
        Int(flow.id.0),
        Int(flow.connection.0),
        Int(flow.kind as i64),
        Int(flow.state as i64),
        flow.status.map(i64::from).into(),
        Int(flow.port.into()),
        Int(flow.times.started.0),
        moment(flow.times.request_first),
        moment(flow.times.request_last),
        moment(flow.times.response_first),
        moment(flow.times.response_last),
        moment(flow.times.ended),
        version(flow.request.version),
        Int(table::int(flow.request.head_size)),
        Int(table::int(flow.request.body_size)),
        version(flow.response.version),
        Int(table::int(flow.response.head_size)),
        Int(table::int(flow.response.body_size)),
        flow.replay_of.map(|id| id.0).into(),
        error.map(|e| e.cause as i64).into(),
        error.map(|e| e.side as i64).into(),
        Text(&flow.method),
        Text(&flow.scheme),
        Text(&flow.host),
        Text(&flow.request.content_type),
        Text(&flow.request.content_encoding),
        Text(&flow.response.content_type),
        Text(&flow.response.content_encoding),
        Text(client),
        server.into(),
        Text(&flow.path),
        error.map(|e| e.text.as_str()).into(),
        flow.request.raw.map(table::int).into(),
        flow.response.raw.map(table::int).into(),
        Int(flow.modified.into()),
        Text(&flow.rules),
        grpc.map(|grpc| i64::from(grpc.code)).into(),
        Text(grpc.map_or("", |grpc| &grpc.message)),
        Text(&flow.tags),
        Text(&flow.comment),
        Int(flow.session.0),
        Int(flow.color.map_or(0, |color| color as i64)),
        Int(flow.starred.into()),
        Text(&flow.app),
    ]
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn flow(row: &SqliteRow) -> Result<Flow, sqlx::Error> {
    let moment = |at| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(at)?.map(Timestamp));
    let message = |version: usize, types: usize, raw: usize| {
        Ok::<_, sqlx::Error>(MessageInfo {
            version: row.try_get::<Option<i64>, _>(version)?.and_then(as_version),
            head_size: table::count(row.try_get(version + 1)?),
            body_size: table::count(row.try_get(version + 2)?),
            content_type: row.try_get(types)?,
            content_encoding: row.try_get(types + 1)?,
            raw: row.try_get::<Option<i64>, _>(raw)?.map(table::count),
        })
    };
    Ok(Flow {
        id: FlowId(row.try_get(0)?),
        connection: ConnectionId(row.try_get(1)?),
        kind: as_kind(row.try_get(2)?),
        state: as_state(row.try_get(3)?),
        status: row.try_get(4)?,
        port: row.try_get(5)?,
        times: Times {
            started: Timestamp(row.try_get(6)?),
            request_first: moment(7)?,
            request_last: moment(8)?,
            response_first: moment(9)?,
            response_last: moment(10)?,
            ended: moment(11)?,
        },
        request: message(12, 24, 32)?,
        response: message(15, 26, 33)?,
        replay_of: row.try_get::<Option<i64>, _>(18)?.map(FlowId),
        error: error(row)?,
        method: row.try_get(21)?,
        scheme: row.try_get(22)?,
        host: row.try_get(23)?,
        client: table::address(row.try_get(28)?),
        server: row.try_get::<Option<&str>, _>(29)?.map(table::address),
        path: row.try_get(30)?,
        modified: row.try_get::<i64, _>(34)? != 0,
        rules: row.try_get(35)?,
        grpc: grpc(row)?,
        tags: row.try_get(38)?,
        comment: row.try_get(39)?,
        session: SessionId(row.try_get(40)?),
        color: as_color(row.try_get(41)?),
        starred: row.try_get::<i64, _>(42)? != 0,
        app: row.try_get(43)?,
    })
}

fn error(row: &SqliteRow) -> Result<Option<Failure>, sqlx::Error> {
    let Some(cause) = row.try_get::<Option<i64>, _>(19)? else {
        return Ok(None);
    };
    Ok(Some(Failure {
        cause: as_cause(cause),
        side: as_party(row.try_get::<Option<i64>, _>(20)?.unwrap_or_default()),
        text: row.try_get::<Option<String>, _>(31)?.unwrap_or_default(),
    }))
}

fn grpc(row: &SqliteRow) -> Result<Option<GrpcStatus>, sqlx::Error> {
    let Some(code) = row.try_get::<Option<i64>, _>(36)? else {
        return Ok(None);
    };
    Ok(Some(GrpcStatus {
        code: code.try_into().unwrap_or(u32::MAX),
        message: row.try_get(37)?,
    }))
}

fn as_kind(kind: i64) -> Kind {
    match kind {
        1 => Kind::WebSocket,
        2 => Kind::Tcp,
        3 => Kind::Tls,
        4 => Kind::Udp,
        5 => Kind::Dns,
        6 => Kind::Icmp,
        _ => Kind::Http,
    }
}

fn as_state(state: i64) -> State {
    match state {
        0 => State::Running,
        1 => State::Complete,
        2 => State::Failed,
        _ => State::Interrupted,
    }
}

fn as_color(color: i64) -> Option<Color> {
    use Color as C;
    let all = [
        C::Red,
        C::Orange,
        C::Yellow,
        C::Green,
        C::Blue,
        C::Purple,
        C::Grey,
    ];
    all.into_iter().find(|c| *c as i64 == color)
}

fn as_version(version: i64) -> Option<Version> {
    match version {
        10 => Some(Version::Http10),
        11 => Some(Version::Http11),
        20 => Some(Version::Http2),
        _ => None,
    }
}

pub(crate) fn as_party(party: i64) -> Party {
    match party {
        0 => Party::Client,
        1 => Party::Server,
        _ => Party::Proxy,
    }
}

fn as_cause(cause: i64) -> FailureCause {
    use FailureCause as C;
    let all = [
        C::Dns,
        C::Refused,
        C::Unreachable,
        C::Timeout,
        C::Tls,
        C::Certificate,
        C::Protocol,
        C::Loop,
        C::Reset,
        C::Closed,
        C::Forbidden,
    ];
    all.into_iter()
        .find(|c| *c as i64 == cause)
        .unwrap_or(C::Other)
}
