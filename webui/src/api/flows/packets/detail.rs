//! One packet taken apart.

use super::{find, gone, is_gone, unreadable};
use crate::{
    api::{extract::Path, model::rfc3339, problem::Problem},
    server::App,
};
use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use overhear_capture::{Error, Packet, dissect, file::Interface, pick::Talk};
use overhear_store::{Flow, PacketFileId, Side, Timestamp, read::PacketRange};
use serde::Serialize;
use std::{ops::ControlFlow, path, sync::Arc};
use utoipa::ToSchema;

/// A packet with all that it says.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct PacketDetail {
    /// The file that it lies in.
    file: i64,
    /// Where its record or block begins in the file.
    offset: u64,
    /// When it was captured: RFC 3339.
    #[schema(format = DateTime)]
    time: String,
    /// Whose it is: the client's (`request`) or the server's (`response`); null for a packet of a capture.
    #[schema(value_type = Option<String>, example = "request")]
    direction: Option<Side>,
    /// The interface, when the file says which.
    interface: Option<String>,
    /// How its bytes begin: a `LINKTYPE_` number.
    link: u32,
    /// The name of that, without `LINKTYPE_`; null when it is none that is known here.
    link_name: Option<&'static str>,
    /// Bytes of it that were captured.
    captured_length: usize,
    /// Bytes that it had on the wire.
    original_length: u32,
    /// What its bytes mean, outermost layer first.
    layers: Vec<Layer>,
    /// Its bytes, in base64 (RFC 4648 section 4).
    #[schema(content_encoding = "base64")]
    data: String,
}

/// One protocol's part of a packet. Places are offsets in the packet's bytes.
#[derive(Serialize, ToSchema)]
struct Layer {
    /// The protocol's name.
    name: &'static str,
    /// What it says, in one line.
    summary: String,
    /// Where it begins; of what has a header, the header.
    begin: usize,
    /// Behind its last byte.
    end: usize,
    /// What stands there, in order.
    fields: Vec<Field>,
    /// Why it is not read to its end, where that is so.
    problem: Option<&'static str>,
}

/// One field of a layer.
#[derive(Serialize, ToSchema)]
struct Field {
    /// Its name.
    name: String,
    /// Its value as a person reads it.
    value: String,
    /// Where the bytes begin that it stands in.
    begin: usize,
    /// Behind the last of them.
    end: usize,
    /// Its parts: bits, options.
    #[schema(no_recursion)]
    fields: Vec<Field>,
}

/// One packet of a flow with every field of every layer, and its bytes.
#[utoipa::path(
    get, path = "/flows/{id}/packets/{file}/{offset}", tag = "packets", operation_id = "getPacket",
    params(
        ("id" = i64, Path, description = "The flow's number"),
        ("file" = i64, Path, description = "The file that the packet lies in, as the list says"),
        ("offset" = u64, Path, description = "Where it begins in the file, as the list says"),
    ),
    responses(
        (status = 200, description = "The packet", body = PacketDetail),
        (status = 400, description = "A number is none", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow, or no packet of it at that place", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The packet was removed because there was no room for it any more", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn packet(
    State(app): State<Arc<App>>,
    Path((id, file, offset)): Path<(i64, i64, u64)>,
) -> Result<Json<PacketDetail>, Problem> {
    let (flow, ranges) = find(&app, id).await?;
    let missing = || {
        Problem::not_found(format!(
            "Flow {id} has no packet at {offset} of file {file}."
        ))
    };
    let range = ranges.into_iter().find(|range| {
        let within = range.first_offset..=range.last_offset;
        range.file.0 == file && within.contains(&offset)
    });
    let range = range.ok_or_else(missing)?;
    let Some(path) = range.path.clone().filter(|_| !is_gone(&range)) else {
        return Err(gone());
    };
    let read = move || read(&flow, &range, &path, offset);
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| Problem::internal("The packet could not be read", &error))?;
    read.map_err(unreadable)?.map(Json).ok_or_else(missing)
}

impl PacketDetail {
    /// A packet of nobody's, in a file and of an interface.
    pub(in crate::api) fn new(
        packet: &Packet<'_>,
        (file, interface): (PacketFileId, Option<&Interface>),
    ) -> Self {
        Self {
            file: file.0,
            offset: packet.offset,
            time: rfc3339(Timestamp(packet.time)),
            direction: None,
            interface: interface.and_then(|i| i.name.clone()),
            link: packet.link.0,
            link_name: packet.link.name(),
            captured_length: packet.data.len(),
            original_length: packet.original_length,
            layers: layers(dissect::dissect(packet.link, packet.data)),
            data: STANDARD.encode(packet.data),
        }
    }
}

/// Reads the packet at a place, when it is one of the flow.
fn read(
    flow: &Flow,
    range: &PacketRange,
    path: &path::Path,
    offset: u64,
) -> Result<Option<PacketDetail>, Error> {
    // a later fragment is only known behind the first of its datagram
    for from in [Some((offset, 1)), None] {
        let Some(mut talk) = Talk::of(flow) else {
            return Ok(None);
        };
        let mut found = None;
        let looked = talk.pick(path, range, from, |picked| {
            let packet = &picked.packet;
            if packet.offset == offset {
                let mut detail = PacketDetail::new(packet, (range.file, picked.interface));
                detail.direction = Some(picked.side);
                found = Some(detail);
            }
            match from.is_some() || packet.offset >= offset {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        let _seen = looked?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn layers(layers: Vec<dissect::Layer>) -> Vec<Layer> {
    let layer = |layer: dissect::Layer| Layer {
        name: layer.name,
        summary: layer.summary,
        begin: layer.range.start,
        end: layer.range.end,
        fields: fields(layer.fields),
        problem: layer.problem,
    };
    layers.into_iter().map(layer).collect()
}

fn fields(list: Vec<dissect::Field>) -> Vec<Field> {
    let field = |field: dissect::Field| Field {
        name: field.name,
        value: field.value,
        begin: field.range.start,
        end: field.range.end,
        fields: fields(field.fields),
    };
    list.into_iter().map(field).collect()
}
