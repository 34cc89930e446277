//! What is in a capture by numbers: who spoke with whom, who spoke at all, and in which protocols.

use super::{Expression, PacketFile, find, opened};
use crate::{
    api::{
        extract::{Path, Query},
        model::rfc3339,
        problem::Problem,
    },
    server::App,
};
use axum::{Json, extract::State};
use overhear_capture::{
    ip, link,
    overview::{Conversation, Count, Endpoint, Ends, Node, Overview, Wanted, expression},
};
use overhear_store::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use utoipa::{IntoParams, ToSchema};

/// The most conversations, and endpoints, of one answer, and how many there are when nothing is said.
const MOST: u32 = 10_000;
const USUAL: u32 = 1000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OverviewQuery {
    /// How many conversations and how many endpoints: those with the most bytes. 1,000 when absent.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
    /// Only the packets that an expression of pcap-filter(7), or that of a row, matches.
    #[param(example = "net 192.168.0.0/16")]
    expression: Option<String>,
}

/// A capture by numbers. Bytes are those of whole packets on the wire, with the headers of the link layer.
#[derive(Serialize, ToSchema)]
pub(super) struct CaptureOverview {
    /// All packets.
    all: PacketCount,
    /// When the first packet was captured; null when there is none.
    #[schema(format = DateTime)]
    first: Option<String>,
    /// When the last was.
    #[schema(format = DateTime)]
    last: Option<String>,
    /// Who spoke with whom, most bytes first.
    conversations: Vec<ConversationLine>,
    /// How many conversations there are in all.
    conversation_count: usize,
    /// Who spoke, most bytes first.
    endpoints: Vec<EndpointLine>,
    /// How many endpoints there are in all.
    endpoint_count: usize,
    /// Protocols, each followed by those inside it.
    protocols: Vec<ProtocolLine>,
    /// Some packets lay in files that were removed because there was no room for them any more.
    gone: bool,
}

/// Packets and their bytes.
#[derive(Serialize, ToSchema)]
struct PacketCount {
    packets: u64,
    bytes: u64,
}

/// Two ends and what passed between them.
#[derive(Serialize, ToSchema)]
struct ConversationLine {
    /// `tcp`, `udp`, another protocol of IP, or one of the link layer.
    protocol: &'static str,
    /// Who sent the first packet: an address of IP, or of the link layer where there is no IP.
    a: String,
    a_port: Option<u16>,
    /// The other.
    b: String,
    b_port: Option<u16>,
    a_to_b: PacketCount,
    b_to_a: PacketCount,
    /// When the first packet was captured: RFC 3339.
    #[schema(format = DateTime)]
    first: String,
    /// Milliseconds from the first packet to the last.
    duration_ms: f64,
    /// What chooses its packets: an expression of pcap-filter(7), or, where none can, the row itself, which all that takes an
    /// expression here understands.
    #[schema(example = "conversation tcp 10.0.0.1:40000 10.0.0.2:443")]
    expression: String,
}

/// An address and what it sent and received.
#[derive(Serialize, ToSchema)]
struct EndpointLine {
    address: String,
    sent: PacketCount,
    received: PacketCount,
    /// What chooses its packets, as in a conversation.
    #[schema(example = "ip host 10.0.0.1")]
    expression: String,
}

/// A protocol.
#[derive(Serialize, ToSchema)]
struct ProtocolLine {
    protocol: &'static str,
    /// In how many others it is.
    depth: usize,
    packets: u64,
    bytes: u64,
    /// What chooses its packets, as in a conversation.
    #[schema(example = "protocol eth/ip/tcp/tls")]
    expression: String,
}

/// Who spoke with whom in a capture, who spoke at all, and in which protocols. All of its packets are read for it.
#[utoipa::path(
    get, path = "/captures/kept/{id}/overview", tag = "packets", operation_id = "getCaptureOverview",
    params(("id" = i64, Path, description = "The capture's number, of `captures/kept`"), OverviewQuery),
    responses(
        (status = 200, description = "The capture by numbers", body = CaptureOverview),
        (status = 400, description = "A parameter is wrong, or libpcap, which reads expressions, is not installed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such capture", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn overview(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Query(query): Query<OverviewQuery>,
) -> Result<Json<CaptureOverview>, Problem> {
    let limit = query.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad(format!(
            "limit is a number from 1 to {MOST}, not {limit}"
        )));
    }
    let capture = find(&app, id).await?;
    let files = app.store.files_of(capture.id).await?;
    let expression = query.expression.unwrap_or_default();
    let asked = Asked::default();
    let given_up = asked.0.clone();
    let read = move || count(&files, &expression, limit as usize, &given_up);
    let read = tokio::task::spawn_blocking(read).await;
    let counted =
        read.map_err(|error| Problem::internal("The packets could not be read", &error))?;
    Ok(Json(counted?))
}

/// Somebody waits for the answer; when that is dropped, nobody does any more.
#[derive(Default)]
struct Asked(Arc<AtomicBool>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn count(
    files: &[PacketFile],
    expression: &str,
    limit: usize,
    given_up: &AtomicBool,
) -> Result<CaptureOverview, Problem> {
    let mut expression = Expression::new(expression)?;
    let mut overview = Overview::new(Wanted {
        talk: true,
        hierarchy: true,
    });
    let mut gone = false;
    for file in files {
        let Some(mut reader) = opened(file, None, &mut gone)? else {
            continue;
        };
        // a file that is being written, or is damaged, is read as far as it goes
        while let Ok(Some(packet)) = reader.next() {
            if given_up.load(Ordering::Relaxed) {
                break;
            }
            if expression.wants(&packet) {
                let layers = link::decode(packet.link, packet.data);
                let ip = ip::decode(&layers).ok();
                overview.packet(&packet, &layers, ip.as_ref());
            }
        }
    }
    expression.end()?;
    Ok(CaptureOverview::new(&overview, limit, gone))
}

impl CaptureOverview {
    fn new(overview: &Overview, limit: usize, gone: bool) -> Self {
        let roots = overview.hierarchy();
        let mut protocols = Vec::new();
        let mut path = Vec::new();
        for root in &roots {
            flatten(root, &mut path, overview.plain, &mut protocols);
        }
        let (conversations, endpoints) = (overview.conversations(), overview.endpoints());
        let moment = |time| rfc3339(Timestamp(time));
        Self {
            all: PacketCount::from(overview.all),
            first: overview.times.map(|(first, _)| moment(first)),
            last: overview.times.map(|(_, last)| moment(last)),
            conversation_count: conversations.len(),
            conversations: conversations
                .iter()
                .take(limit)
                .map(ConversationLine::new)
                .collect(),
            endpoint_count: endpoints.len(),
            endpoints: endpoints
                .iter()
                .take(limit)
                .map(EndpointLine::new)
                .collect(),
            protocols,
            gone,
        }
    }
}

/// The protocols of a tree in the order in which they are read.
fn flatten(node: &Node, path: &mut Vec<&'static str>, plain: bool, lines: &mut Vec<ProtocolLine>) {
    let depth = path.len();
    path.push(node.protocol);
    lines.push(ProtocolLine {
        protocol: node.protocol,
        depth,
        packets: node.count.packets,
        bytes: node.count.bytes,
        expression: expression::protocol(path, plain),
    });
    for inside in &node.inside {
        flatten(inside, path, plain, lines);
    }
    path.pop();
}

impl ConversationLine {
    fn new(one: &Conversation) -> Self {
        let Ends { protocol, a, b } = one.ends;
        Self {
            protocol,
            a: a.0.to_string(),
            a_port: a.1,
            b: b.0.to_string(),
            b_port: b.1,
            a_to_b: PacketCount::from(one.a_to_b),
            b_to_a: PacketCount::from(one.b_to_a),
            first: rfc3339(Timestamp(one.first)),
            duration_ms: one.last.saturating_sub(one.first) as f64 / 1e6,
            expression: expression::conversation(one),
        }
    }
}

impl EndpointLine {
    fn new(one: &Endpoint) -> Self {
        Self {
            address: one.address.to_string(),
            sent: PacketCount::from(one.sent),
            received: PacketCount::from(one.received),
            expression: expression::endpoint(one),
        }
    }
}

impl From<Count> for PacketCount {
    fn from(count: Count) -> Self {
        Self {
            packets: count.packets,
            bytes: count.bytes,
        }
    }
}
