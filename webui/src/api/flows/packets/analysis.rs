//! What the packets of a TCP connection tell about the way: counts, and curves to draw.

use super::{find, there_are_some, unreadable, walk};
use crate::{
    api::{extract::Path, model::rfc3339, problem::Problem},
    server::App,
};
use axum::{Json, extract::State as AppState};
use overhear_capture::{
    Error,
    diagnose::{Cause, Finding},
    flows::Flows,
    ip::{self, Fragments, Ip, protocol},
    link,
    packet::{Packet, Spot},
    tcp::{
        self, Report,
        graph::{Curve, Curves, Graph, Intervals, Point},
    },
};
use overhear_store::{
    Flow, FlowId, Kind, Side, State, Timestamp,
    filter::Filter,
    read::{FlowQuery, PacketRange, Sort},
};
use serde::Serialize;
use std::{ops::ControlFlow, sync::Arc};
use utoipa::ToSchema;

/// So many flows of a connection are asked where their packets lie.
const MOST_FLOWS: u32 = 1000;

/// Nobody waits longer for an answer than this: nanoseconds.
const PATIENCE: i64 = 60_000_000_000;

/// What the packets of a TCP connection tell.
#[derive(Serialize, ToSchema)]
pub(super) struct Analysis {
    /// When the first packet was captured: RFC 3339; null when there is none.
    #[schema(format = DateTime)]
    first: Option<String>,
    /// When the last one was.
    #[schema(format = DateTime)]
    last: Option<String>,
    /// Packets of both directions.
    packets: u64,
    /// Both SYNs were seen: windows have their scale, and sequence numbers count from them.
    whole: bool,
    /// Some of the packets were removed because there was no room for them any more.
    gone: bool,
    /// What the client sent.
    request: Direction,
    /// What the server sent.
    response: Direction,
}

/// What one side sent, and how the other answered.
#[derive(Serialize, ToSchema)]
struct Direction {
    /// Its address and port.
    address: String,
    /// Counts, as `overhear read --connections --json` prints them.
    #[schema(value_type = Object)]
    counted: Report,
    /// Sequence numbers of segments that are new. Numbers count from the SYN, or from the first one seen.
    sent: Series,
    /// Of segments with something that was sent before.
    retransmitted: Series,
    /// Of segments that are new, and come after others that they stand before.
    out_of_order: Series,
    /// What the other side expects next.
    acknowledged: Series,
    /// Up to where the other side takes data.
    window: Series,
    /// Round trips in milliseconds, at the acknowledgements that end them.
    rtt: Series,
    /// Bytes of data over time, as often as they were sent.
    throughput: Throughput,
}

/// Points in the order of time.
#[derive(Serialize, ToSchema)]
struct Series {
    /// How many there were; `points` has less when they were thinned out, keeping the least and the most of each stretch.
    count: u64,
    points: Vec<Dot>,
}

/// Something at a time.
#[derive(Serialize, ToSchema)]
struct Dot {
    /// Seconds since the first packet.
    time_s: f64,
    value: f64,
    /// Behind the segment's last number; null where there is no segment.
    end: Option<f64>,
    /// The packet's number in the capture.
    packet: u64,
}

/// Bytes in each of equal intervals.
#[derive(Serialize, ToSchema)]
struct Throughput {
    /// How long an interval is: seconds. The first begins at the first packet.
    interval_s: f64,
    bytes: Vec<u64>,
}

/// What the packets of the TCP connection that a flow ran on tell about the way: counts of each direction, and curves of
/// sequence numbers, throughput and round trips. A connection that several flows ran on is looked at as a whole.
#[utoipa::path(
    get, path = "/flows/{id}/analysis", tag = "packets", operation_id = "analyzeFlow",
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 200, description = "Counts and curves", body = Analysis),
        (status = 404, description = "There is no such flow, it has no packets, or they are not TCP", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The packets were removed because there was no room for them any more", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn analyze(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Json<Analysis>, Problem> {
    let (flow, ranges) = find(&app, id).await?;
    there_are_some(id, &ranges)?;
    if matches!(flow.kind, Kind::Udp | Kind::Dns | Kind::Icmp) {
        return Err(Problem::not_found(format!(
            "Flow {id} is no TCP connection: there is nothing to tell of its way."
        )));
    }
    let Some(server) = flow.server else {
        return Err(Problem::not_found(format!(
            "The server of flow {id} is not known."
        )));
    };
    let ranges = of_connection(&app, &flow, ranges).await?;
    let addresses = [flow.client.to_string(), server.to_string()];
    let read = tokio::task::spawn_blocking(move || read(&flow, &ranges)).await;
    let read = read.map_err(|error| Problem::internal("The packets could not be read", &error))?;
    let read = read.map_err(unreadable)?;
    Ok(Json(analysis(read, addresses)))
}

/// What went wrong, with the packets that prove it.
#[derive(Serialize, ToSchema)]
pub(super) struct Findings {
    items: Vec<FindingItem>,
    /// Some of the packets were removed because there was no room for them any more.
    gone: bool,
}

/// Something that went wrong.
#[derive(Serialize, ToSchema)]
struct FindingItem {
    /// What it was, in a word, as `overhear read --diagnose --json` has it.
    #[schema(value_type = String, example = "reset")]
    cause: Cause,
    /// Between whom, or of what.
    about: String,
    /// What was seen.
    text: String,
    /// What it usually means, and where to look.
    means: String,
    /// The numbers of the packets that prove it, in the capture: the first ten.
    packets: Vec<u64>,
    /// How many packets there are in all.
    count: u64,
}

/// What went wrong in the conversation that a flow is part of, as far as its packets show.
#[utoipa::path(
    get, path = "/flows/{id}/findings", tag = "packets", operation_id = "diagnoseFlow",
    params(("id" = i64, Path, description = "The flow's number")),
    responses(
        (status = 200, description = "What was found; nothing for a healthy conversation", body = Findings),
        (status = 404, description = "There is no such flow, or it has no packets", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The packets were removed because there was no room for them any more", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn findings(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Json<Findings>, Problem> {
    let (flow, ranges) = find(&app, id).await?;
    there_are_some(id, &ranges)?;
    let ranges = of_connection(&app, &flow, ranges).await?;
    let read = tokio::task::spawn_blocking(move || diagnose(&flow, &ranges)).await;
    let read = read.map_err(|error| Problem::internal("The packets could not be read", &error))?;
    read.map(Json).map_err(unreadable)
}

fn diagnose(flow: &Flow, ranges: &[PacketRange]) -> Result<Findings, Error> {
    let mut flows = Flows::new(None, "");
    let mut last = 0;
    let gone = walk(flow, ranges, None, |_, picked| {
        last = picked.packet.time;
        flows.packet(&picked.packet);
        ControlFlow::Continue(())
    })?;
    if flow.state == State::Failed {
        // with the packets of others, which are not read here, the capture was found to go on long enough
        flows.until(Timestamp(last.saturating_add(PATIENCE)));
    }
    flows.finish();
    let item = |finding: Finding| FindingItem {
        cause: finding.cause,
        about: finding.about,
        text: finding.text,
        means: finding.means.to_owned(),
        packets: finding.packets,
        count: finding.count,
    };
    let (found, _) = flows.findings();
    Ok(Findings {
        items: found.into_iter().map(item).collect(),
        gone,
    })
}

/// Where the packets of all flows lie that ran on the same connection.
async fn of_connection(
    app: &App,
    flow: &Flow,
    mut ranges: Vec<PacketRange>,
) -> Result<Vec<PacketRange>, Problem> {
    let query = FlowQuery {
        filter: Some(Filter::parse(&format!("connection:{}", flow.connection.0))?),
        ids: None,
        session: None,
        sort: Sort::Id,
        descending: false,
        cursor: None,
        skip: 0,
        limit: MOST_FLOWS,
    };
    let flows = app.store.flows(&query).await?.flows;
    let others = flows.iter().filter(|other| {
        let same = (other.client, other.server) == (flow.client, flow.server);
        other.id != flow.id && same
    });
    for FlowId(other) in others.map(|other| other.id) {
        for more in app.store.packets_of(FlowId(other)).await? {
            match ranges.iter_mut().find(|range| range.file == more.file) {
                None => ranges.push(more),
                Some(range) => {
                    if more.first_offset < range.first_offset {
                        range.first_offset = more.first_offset;
                        range.first_number = more.first_number;
                    }
                    range.last_offset = range.last_offset.max(more.last_offset);
                }
            }
        }
    }
    ranges.sort_by_key(|range| range.file.0);
    Ok(ranges)
}

/// What came of reading the packets.
struct Read {
    graph: Graph,
    packets: u64,
    times: Option<(i64, i64)>,
    gone: bool,
}

fn read(flow: &Flow, ranges: &[PacketRange]) -> Result<Read, Error> {
    let mut fragments = Fragments::default();
    let mut graph = Graph::default();
    let mut packets = 0;
    let mut times: Option<(i64, i64)> = None;
    let gone = walk(flow, ranges, None, |_, picked| {
        let (packet, side) = (&picked.packet, picked.side);
        packets += 1;
        times = Some((times.map_or(packet.time, |(first, _)| first), packet.time));
        whole(&mut fragments, packet, |ip| {
            // an ICMP error about the connection is no segment of it
            if ip.protocol != protocol::TCP {
                return;
            }
            let side = match side {
                Side::Request => tcp::Side::A,
                Side::Response => tcp::Side::B,
            };
            if let Some(segment) = tcp::decode(ip) {
                graph.segment(side, packet.number, packet.time, &segment);
            }
        });
        ControlFlow::Continue(())
    })?;
    Ok(Read {
        graph,
        packets,
        times,
        gone,
    })
}

/// Gives on the datagram that a packet is, or completes.
fn whole(fragments: &mut Fragments, packet: &Packet<'_>, then: impl FnOnce(&Ip<'_>)) {
    let layers = link::decode(packet.link, packet.data);
    let Ok(ip) = ip::decode(&layers) else {
        return;
    };
    if ip.fragment.is_none() {
        return then(&ip);
    }
    if let Some(whole) = fragments.add(&ip, packet.number, Spot::default(), packet.time) {
        then(&whole.ip());
    }
}

fn analysis(read: Read, [client, server]: [String; 2]) -> Analysis {
    let Read { graph, .. } = read;
    let account = &graph.account;
    let moment = |time| rfc3339(Timestamp(time));
    let whole = account.a.counts.syn_packets > 0 && account.b.counts.syn_packets > 0;
    Analysis {
        first: read.times.map(|(first, _)| moment(first)),
        last: read.times.map(|(_, last)| moment(last)),
        packets: read.packets,
        whole,
        gone: read.gone,
        request: direction(client, account.report(tcp::Side::A), &graph.a),
        response: direction(server, account.report(tcp::Side::B), &graph.b),
    }
}

fn direction(address: String, counted: Report, curves: &Curves) -> Direction {
    Direction {
        address,
        counted,
        sent: series(&curves.sent, 1.0),
        retransmitted: series(&curves.again, 1.0),
        out_of_order: series(&curves.late, 1.0),
        acknowledged: series(&curves.acknowledged, 1.0),
        window: series(&curves.window, 1.0),
        rtt: series(&curves.round_trips, 1e6),
        throughput: throughput(&curves.throughput),
    }
}

/// A curve in units of so many.
fn series(curve: &Curve, unit: f64) -> Series {
    let dot = |point: &Point| Dot {
        time_s: point.time as f64 / 1e9,
        value: point.value as f64 / unit,
        end: (point.length > 0)
            .then(|| point.value.saturating_add_unsigned(point.length) as f64 / unit),
        packet: point.packet,
    };
    Series {
        count: curve.count(),
        points: curve.points().iter().map(dot).collect(),
    }
}

fn throughput(intervals: &Intervals) -> Throughput {
    Throughput {
        interval_s: intervals.width as f64 / 1e9,
        bytes: intervals.bytes.clone(),
    }
}
