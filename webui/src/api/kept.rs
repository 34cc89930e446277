//! `captures/kept`: the captures whose packets are kept, and their packets, all of them: a list, and each taken apart.

mod expression;
mod overview;

use super::{
    extract::{Path, Query},
    flows::packets::{
        PacketLine, Packets,
        detail::PacketDetail,
        place::{Cursor, Place},
        unreadable,
    },
    model::rfc3339,
    problem::Problem,
};
use crate::server::App;
use axum::{Json, extract::State, http::StatusCode};
use expression::Expression;
use overhear_capture::{
    Error, Packet, Reader,
    print::{Names, Options, Printer, Stamp},
};
use overhear_store::read::{Capture, CaptureSource, PacketFile};
use serde::{Deserialize, Serialize};
use std::{fs::File, io, sync::Arc};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(remove))
        .routes(routes!(packets))
        .routes(routes!(packet))
        .routes(routes!(overview::overview))
}

/// One page looks at so many bytes of packets for those that an expression wants.
const MOST_LOOKED_AT: u64 = 64 << 20;

/// A capture that is kept.
#[derive(Serialize, ToSchema)]
struct KeptCapture {
    /// Its number.
    id: i64,
    /// From an interface (`live`) or a file that was imported (`file`).
    #[schema(value_type = String, example = "file")]
    source: CaptureSource,
    /// `INTERFACE:EXPRESSION` (or only the interface), or the name of the file.
    #[schema(example = "shop.pcapng")]
    name: String,
    /// The session of an import.
    session: Option<i64>,
    /// When it began: RFC 3339.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended; null while it goes on.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Packets that came.
    packets: u64,
    /// Bytes of its files that are there.
    kept: u64,
}

/// Captures that are kept.
#[derive(Serialize, ToSchema)]
struct KeptCaptures {
    items: Vec<KeptCapture>,
}

/// The captures whose packets are kept, newest first: live ones of this and earlier runs, and files that were imported.
#[utoipa::path(
    get, path = "/captures/kept", tag = "packets", operation_id = "listKeptCaptures",
    responses((status = 200, description = "The captures", body = KeptCaptures))
)]
async fn list(State(app): State<Arc<App>>) -> Result<Json<KeptCaptures>, Problem> {
    let captures = app.store.captures().await?;
    let items = captures.into_iter().filter(has_packets);
    let items = items.map(|capture| KeptCapture {
        id: capture.id.0,
        source: capture.source,
        name: capture.name,
        session: capture.session.map(|session| session.0),
        started_at: rfc3339(capture.started),
        ended_at: capture.ended.map(rfc3339),
        packets: capture.packets,
        kept: capture.kept,
    });
    Ok(Json(KeptCaptures {
        items: items.collect(),
    }))
}

/// What a capture that goes on has written is not counted yet.
fn has_packets(capture: &Capture) -> bool {
    capture.kept > 0 || capture.ended.is_none()
}

/// A capture whose packets are kept.
pub(super) async fn find(app: &App, id: i64) -> Result<Capture, Problem> {
    let captures = app.store.captures().await?;
    let mut captures = captures.into_iter();
    let capture = captures.find(|capture| capture.id.0 == id && has_packets(capture));
    capture.ok_or_else(|| {
        Problem::not_found(format!("There are no packets of a capture {id} any more."))
    })
}

/// Removes the packets of a capture that has ended. Flows that were made of them stay, and say that their packets are
/// gone.
#[utoipa::path(
    delete, path = "/captures/kept/{id}", tag = "packets", operation_id = "deleteKeptCapture",
    params(("id" = i64, Path, description = "The capture's number, of `captures/kept`")),
    responses(
        (status = 204, description = "They are removed"),
        (status = 404, description = "There is no such capture", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The capture goes on: stop it first", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn remove(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    let capture = find(&app, id).await?;
    if capture.ended.is_none() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "capture-runs",
            "The capture goes on",
            "Its packets can be removed when it has been stopped.",
        ));
    }
    for file in app.store.files_of(capture.id).await? {
        app.store.remove_packet_file(file.id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PacketsQuery {
    /// Continue after the page whose `next` this is.
    cursor: Option<String>,
    /// How many packets; 200 when absent. With an expression there may be fewer, or none, though `next` says that the
    /// capture goes on: one page looks at 64 MiB.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only the packets that an expression of pcap-filter(7) matches, or that of a row of the overview. Those on links for which
    /// it has no meaning do not. Several are joined as `(ROW) and (EXPRESSION)`.
    #[param(example = "arp or icmp")]
    expression: Option<String>,
}

/// The packets of a capture, in the order in which they came; numbers count what is kept of it. Sequence numbers of TCP
/// are those of the wire.
#[utoipa::path(
    get, path = "/captures/kept/{id}/packets", tag = "packets", operation_id = "listCapturePackets",
    params(("id" = i64, Path, description = "The capture's number, of `captures/kept`"), PacketsQuery),
    responses(
        (status = 200, description = "Packets", body = Packets),
        (status = 400, description = "A parameter is wrong, or libpcap, which reads expressions, is not installed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such capture", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn packets(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<PacketsQuery>,
) -> Result<Json<Packets>, Problem> {
    let Place { cursor, limit } = Place::asked(query.cursor.as_deref(), query.limit)?;
    let capture = find(&app, id).await?;
    let files = app.store.files_of(capture.id).await?;
    let expression = query.expression.unwrap_or_default();
    let read = move || page(&files, cursor, limit, &expression);
    let read = tokio::task::spawn_blocking(read).await;
    let page = read.map_err(|error| Problem::internal("The packets could not be read", &error))?;
    Ok(Json(page?))
}

/// One packet of a capture with every field of every layer, and its bytes.
#[utoipa::path(
    get, path = "/captures/kept/{id}/packets/{file}/{offset}", tag = "packets", operation_id = "getCapturePacket",
    params(
        ("id" = i64, Path, description = "The capture's number, of `captures/kept`"),
        ("file" = i64, Path, description = "The file that the packet lies in, as the list says"),
        ("offset" = u64, Path, description = "Where it begins in the file, as the list says"),
    ),
    responses(
        (status = 200, description = "The packet", body = PacketDetail),
        (status = 400, description = "A number is none", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such capture, or no packet of it at that place", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn packet(
    State(app): State<Arc<App>>,
    Path((id, file, offset)): Path<(i64, i64, u64)>,
) -> Result<Json<PacketDetail>, Problem> {
    let capture = find(&app, id).await?;
    let files = app.store.files_of(capture.id).await?;
    let missing = || {
        Problem::not_found(format!(
            "Capture {id} has no packet at {offset} of file {file}."
        ))
    };
    let file = files.into_iter().find(|one| one.id.0 == file);
    let file = file.ok_or_else(missing)?;
    let read = move || {
        let mut reader = open(&file, Some((offset, 1)))?;
        // a place where no packet begins reads as damage, or as nothing
        let Ok(Some((packet, interface))) = reader.next_described() else {
            return Ok(None);
        };
        Ok((packet.offset == offset).then(|| PacketDetail::new(&packet, (file.id, interface))))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| Problem::internal("The packet could not be read", &error))?;
    match read {
        Err(Error::Read(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(missing()),
        read => read.map_err(unreadable)?.map(Json).ok_or_else(missing),
    }
}

/// Opens a file at its beginning, or where the packet with a number begins.
fn open(file: &PacketFile, at: Option<(u64, u64)>) -> Result<Reader, Error> {
    match at {
        Some((offset, number)) => Reader::open_at(&file.path, file.described, offset, number),
        None => Reader::new(File::open(&file.path)?),
    }
}

/// Opens a file; none when it was removed meanwhile, which makes it `gone`, or when nothing is in it yet.
fn opened(
    file: &PacketFile,
    at: Option<(u64, u64)>,
    gone: &mut bool,
) -> Result<Option<Reader>, Problem> {
    match open(file, at) {
        Ok(reader) => Ok(Some(reader)),
        Err(Error::Read(error)) if error.kind() == io::ErrorKind::NotFound => {
            *gone = true;
            Ok(None)
        }
        Err(Error::Read(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

fn page(
    files: &[PacketFile],
    cursor: Option<Cursor>,
    limit: usize,
    expression: &str,
) -> Result<Packets, Problem> {
    let options = Options {
        numbers: true,
        // a page may begin anywhere in a connection
        absolute: true,
        stamp: Stamp::None,
        ..Options::default()
    };
    let mut printer = Printer::new(options, Names::none());
    let mut expression = Expression::new(expression)?;
    let mut page = Packets {
        items: Vec::new(),
        next: None,
        gone: false,
    };
    let (mut looked_at, mut before) = (0, 0);
    let from = cursor.map_or(0, |cursor| cursor.file);
    for file in files.iter().filter(|file| file.id.0 >= from) {
        let at = cursor.filter(|cursor| cursor.file == file.id.0);
        let Some(mut reader) = opened(file, at.map(|c| (c.offset, c.number)), &mut page.gone)?
        else {
            continue;
        };
        let mut last = before;
        // a file that is being written, or is damaged, is read as far as it goes
        while let Ok(Some((packet, interface))) = reader.next_described() {
            let packet = Packet {
                number: before + packet.number,
                ..packet
            };
            if page.items.len() >= limit || looked_at > MOST_LOOKED_AT {
                page.next = Some(Cursor::write(file.id, &packet));
                return Ok(page);
            }
            last = packet.number;
            if expression.chooses() {
                looked_at += packet.data.len() as u64;
            }
            if !expression.wants(&packet) {
                continue;
            }
            let place = (file.id, interface);
            page.items
                .push(PacketLine::new(&mut printer, &packet, place));
        }
        before = last;
    }
    expression.end()?;
    Ok(page)
}
