//! The packets behind a flow: a list of them with a line for each, each of them taken apart, what they tell of the
//! way, and a capture file of just these.

mod analysis;
pub(in crate::api) mod detail;
pub(in crate::api) mod place;

use crate::{
    api::{
        extract::{Path, Query},
        flows::attachment,
        model::rfc3339,
        problem::Problem,
    },
    server::App,
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use overhear_capture::{
    Error, Packet,
    file::Interface,
    pick::{Picked, Talk},
    print::{Frame, Names, Options, Printer, Stamp},
    write::{Format, Header, Writer},
};
use overhear_store::{Flow, FlowId, PacketFileId, Side, Timestamp, read::PacketRange};
use place::{Cursor, Place};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Write},
    ops::ControlFlow,
    sync::Arc,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(file))
        .routes(routes!(detail::packet))
        .routes(routes!(analysis::analyze))
        .routes(routes!(analysis::findings))
}

/// A line is cut behind so many characters.
const LONGEST_LINE: usize = 500;

/// So many packets are looked at for the first sequence number of each side, which a line counts from.
const MOST_FIRST: usize = 16;

/// Packets go out in pieces of about this size, so many at once.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PacketsQuery {
    /// Continue after the page whose `next` this is.
    cursor: Option<String>,
    /// How many packets; 200 when absent. There may be a few more: a datagram's fragments stay together.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Some packets: of those behind a flow, or of a capture.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Packets {
    pub(in crate::api) items: Vec<PacketLine>,
    /// The cursor of the next page; null when this was the last.
    pub(in crate::api) next: Option<String>,
    /// Some packets, or all, lay in files that were removed because there was no room for them any more.
    pub(in crate::api) gone: bool,
}

/// A packet.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct PacketLine {
    /// Its place in the capture, from 1.
    number: u64,
    /// The file that it lies in.
    file: i64,
    /// Where its record or block begins in the file.
    offset: u64,
    /// When it was captured: RFC 3339.
    #[schema(format = DateTime)]
    time: String,
    /// Whose it is: the client's (`request`) or the server's (`response`); null in the list of a capture.
    #[schema(value_type = Option<String>, example = "request")]
    direction: Option<Side>,
    /// The interface, when the file says which.
    interface: Option<String>,
    /// How its bytes begin: a `LINKTYPE_` number.
    link: u32,
    /// Bytes of it that were captured.
    captured_length: usize,
    /// Bytes that it had on the wire.
    original_length: u32,
    /// It in one line, in tcpdump's form.
    summary: String,
}

/// The packets behind a flow that came from a capture, in the order in which they came; none for a flow that passed
/// through the proxy.
#[utoipa::path(
    get, path = "/flows/{id}/packets", tag = "packets", operation_id = "listPackets",
    params(("id" = i64, Path, description = "The flow's number"), PacketsQuery),
    responses(
        (status = 200, description = "Packets", body = Packets),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<PacketsQuery>,
) -> Result<Json<Packets>, Problem> {
    let Place { cursor, limit } = Place::asked(query.cursor.as_deref(), query.limit)?;
    let (flow, ranges) = find(&app, id).await?;
    let read = move || page(&flow, &ranges, cursor, limit);
    let read = tokio::task::spawn_blocking(read).await;
    let page = read.map_err(|error| Problem::internal("The packets could not be read", &error))?;
    Ok(Json(page?))
}

/// The packets behind a flow as a capture file.
#[utoipa::path(
    get, path = "/flows/{id}/packets.pcapng", tag = "packets", operation_id = "downloadPackets",
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 200, description = "The file", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such flow, or it has no packets", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The packets were removed because there was no room for them any more", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn file(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Result<Response, Problem> {
    let (flow, ranges) = find(&app, id).await?;
    there_are_some(id, &ranges)?;
    let (sender, pieces) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut out = Out {
            sender,
            piece: Vec::with_capacity(PIECE),
        };
        let end = write(&flow, &ranges, &mut out).and_then(|()| out.flush());
        if let Err(error) = end {
            // who asked may have gone; else the answer breaks off
            let _ = out.sender.blocking_send(Err(error));
        }
    });
    let name = attachment(&format!("flow-{id}.pcapng"));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    let pieces = ReceiverStream::new(pieces).map(|piece| piece.map(Bytes::from));
    Ok((headers, Body::from_stream(pieces)).into_response())
}

async fn find(app: &App, id: i64) -> Result<(Flow, Vec<PacketRange>), Problem> {
    let flow = app.store.flow(FlowId(id)).await?;
    let flow = flow.ok_or_else(|| Problem::no_flow(id))?;
    let ranges = app.store.packets_of(FlowId(id)).await?;
    Ok((flow, ranges))
}

/// A problem when a flow has no packets, or none any more.
fn there_are_some(id: i64, ranges: &[PacketRange]) -> Result<(), Problem> {
    if ranges.is_empty() {
        return Err(Problem::not_found(format!(
            "Flow {id} has no packets: it did not come from a capture."
        )));
    }
    match ranges.iter().all(is_gone) {
        true => Err(gone()),
        false => Ok(()),
    }
}

fn gone() -> Problem {
    let detail = "The packets of this flow were removed: the files of packets had become larger than their limit.";
    Problem::new(
        StatusCode::GONE,
        "packets-gone",
        "The packets are gone",
        detail,
    )
}

pub(in crate::api) fn unreadable(error: Error) -> Problem {
    match error {
        Error::Read(error) if error.kind() == io::ErrorKind::NotFound => gone(),
        error => Problem::internal("The packets could not be read", &error),
    }
}

fn is_gone(range: &PacketRange) -> bool {
    range.path.as_ref().is_none_or(|path| !path.exists())
}

/// Goes through the packets, from one on, until `each` has seen enough. True when files are missing.
fn walk(
    flow: &Flow,
    ranges: &[PacketRange],
    from: Option<Cursor>,
    mut each: impl FnMut(&PacketRange, &Picked<'_>) -> ControlFlow<()>,
) -> Result<bool, Error> {
    let mut gone = ranges.iter().any(|range| range.path.is_none());
    let Some(mut talk) = Talk::of(flow) else {
        return Ok(gone);
    };
    let from_file = from.map_or(0, |cursor| cursor.file);
    for range in ranges.iter().filter(|range| range.file.0 >= from_file) {
        let Some(path) = &range.path else {
            continue;
        };
        let begin = from.filter(|cursor| cursor.file == range.file.0);
        let begin = begin.map(|cursor| (cursor.offset.max(range.first_offset), cursor.number));
        match talk.pick(path, range, begin, |picked| each(range, picked)) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            // removed meanwhile
            Err(Error::Read(error)) if error.kind() == io::ErrorKind::NotFound => gone = true,
            Err(error) => return Err(error),
        }
    }
    Ok(gone)
}

fn page(
    flow: &Flow,
    ranges: &[PacketRange],
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Packets, Problem> {
    let options = Options {
        numbers: true,
        stamp: Stamp::None,
        ..Options::default()
    };
    let mut printer = Printer::new(options, Names::none());
    if cursor.is_some() {
        // sequence numbers are told from the first of each side on
        let (mut sides, mut looked) = ([false; 2], 0);
        let first = walk(flow, ranges, None, |_, picked| {
            line(&mut printer, &picked.packet);
            sides[picked.side as usize] = true;
            looked += 1;
            match sides == [true; 2] || looked >= MOST_FIRST {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        first.map_err(unreadable)?;
    }
    let (mut items, mut next) = (Vec::new(), None);
    let gone = walk(flow, ranges, cursor, |range, picked| {
        let packet = &picked.packet;
        if items.len() >= limit && !picked.continues {
            next = Some(Cursor::write(range.file, packet));
            return ControlFlow::Break(());
        }
        let place = (range.file, picked.interface);
        let mut shown = PacketLine::new(&mut printer, packet, place);
        shown.direction = Some(picked.side);
        items.push(shown);
        ControlFlow::Continue(())
    });
    Ok(Packets {
        items,
        next,
        gone: gone.map_err(unreadable)?,
    })
}

impl PacketLine {
    /// A packet of nobody's, in a file and of an interface.
    pub(in crate::api) fn new(
        printer: &mut Printer,
        packet: &Packet<'_>,
        (file, interface): (PacketFileId, Option<&Interface>),
    ) -> Self {
        Self {
            number: packet.number,
            file: file.0,
            offset: packet.offset,
            time: rfc3339(Timestamp(packet.time)),
            direction: None,
            interface: interface.and_then(|interface| interface.name.clone()),
            link: packet.link.0,
            captured_length: packet.data.len(),
            original_length: packet.original_length,
            summary: line(printer, packet),
        }
    }
}

/// A packet in one line.
fn line(printer: &mut Printer, packet: &Packet<'_>) -> String {
    let mut out = Vec::new();
    printer.print(
        &mut out,
        &Frame {
            number: packet.number,
            time: packet.time,
            link: packet.link.0,
            data: packet.data,
            original: packet.original_length as usize,
        },
    );
    let text = String::from_utf8_lossy(&out);
    let text = text.trim_end().lines().next().unwrap_or_default();
    match text.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Writes the packets as pcapng, with each interface that they were captured on.
fn write(flow: &Flow, ranges: &[PacketRange], out: &mut Out) -> io::Result<()> {
    let mut writer: Option<Writer<&mut Out>> = None;
    let mut out = Some(out);
    // a file's interfaces, by its number and theirs
    let mut known: Vec<((i64, u32), u32)> = Vec::new();
    let mut failed = None;
    let mut put = |range: &PacketRange, picked: &Picked<'_>| -> io::Result<()> {
        let packet = &picked.packet;
        let key = (range.file.0, packet.interface);
        let number = known.iter().find(|(there, _)| *there == key);
        let number = number.map(|(_, number)| *number);
        let header = || Header {
            format: Format::Pcapng,
            link: packet.link,
            snaplen: picked.interface.map_or(0, |i| i.snap_length),
            nanoseconds: true,
            interface: picked.interface.and_then(|i| i.name.clone()),
            filter: None,
        };
        let number = match (&mut writer, number) {
            (_, Some(number)) => number,
            (Some(writer), None) => {
                let number = writer.interface(&header())?;
                known.push((key, number));
                number
            }
            (None, None) => {
                let Some(out) = out.take() else {
                    return Ok(());
                };
                writer = Some(Writer::new(out, header())?);
                known.push((key, 0));
                0
            }
        };
        match &mut writer {
            Some(writer) => writer.packet_on(number, packet),
            None => Ok(()),
        }
    };
    let walked = walk(flow, ranges, None, |range, picked| {
        match put(range, picked) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    walked.map_err(io::Error::other)?;
    if let Some(error) = failed {
        return Err(error);
    }
    match writer {
        Some(writer) => writer.finish(None),
        None => Ok(()),
    }
}

/// Hands pieces to whoever downloads; waits while that is slower.
struct Out {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let sent = self.sender.blocking_send(Ok(piece));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
