//! `devices`: who else uses the proxy, and who may.

use super::{
    extract::{Json, Path},
    model::rfc3339,
    problem::Problem,
};
use crate::server::App;
use axum::{Json as Answer, extract::State, http::StatusCode};
use overhear_proxy::{Decision, Device};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::Arc};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(decide))
}

/// The devices that have connected.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct DeviceList {
    items: Vec<DeviceInfo>,
}

/// A device other than this machine that has connected.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct DeviceInfo {
    /// Its IP address.
    address: String,
    /// What was decided; null waits for an answer.
    #[schema(value_type = Option<DecisionName>)]
    decision: Option<Decision>,
    /// First connection in this run: RFC 3339.
    #[schema(format = DateTime)]
    first_seen: String,
    /// Latest connection: RFC 3339.
    #[schema(format = DateTime)]
    last_seen: String,
    /// Connections in this run.
    connections: u64,
    /// Its latest `User-Agent`, when one was seen.
    user_agent: Option<String>,
    /// Whether it accepted (true) or refused (false) the latest certificate of ours that it was shown; null when it was
    /// shown none.
    trusts: Option<bool>,
    /// When it last accepted one: RFC 3339. What it refuses since may be a program that accepts only the certificates
    /// it knows.
    #[schema(format = DateTime)]
    trusted: Option<String>,
}

/// What a person decides about a device.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "names the values of a decision in the API's description"
)]
enum DecisionName {
    Allow,
    Refuse,
}

impl DeviceList {
    pub(super) fn read(app: &App) -> Self {
        Self {
            items: app
                .proxy
                .devices()
                .into_iter()
                .map(DeviceInfo::from)
                .collect(),
        }
    }
}

impl From<Device> for DeviceInfo {
    fn from(device: Device) -> Self {
        Self {
            address: device.address.to_canonical().to_string(),
            decision: device.decision,
            first_seen: rfc3339(device.first_seen),
            last_seen: rfc3339(device.last_seen),
            connections: device.connections,
            user_agent: device.user_agent,
            trusts: device.trusts,
            trusted: device.trusted.map(rfc3339),
        }
    }
}

/// Devices other than this machine that have connected, oldest first.
#[utoipa::path(
    get, path = "/devices", tag = "program", operation_id = "listDevices",
    responses((status = 200, description = "The devices", body = DeviceList))
)]
async fn list(State(app): State<Arc<App>>) -> Answer<DeviceList> {
    Answer(DeviceList::read(&app))
}

/// An answer to the question whether a device may use the proxy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    #[schema(value_type = DecisionName)]
    decision: Decision,
}

/// Decides whether a device may use the proxy; for connections that wait, and for later ones.
#[utoipa::path(
    put, path = "/devices/{address}", tag = "program", operation_id = "decideDevice",
    params(("address" = String, Path, description = "The device's IP address", example = "192.168.1.7")),
    request_body = DecisionBody,
    responses(
        (status = 204, description = "Decided"),
        (status = 400, description = "That is no IP address, or no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn decide(
    State(app): State<Arc<App>>,
    Path(address): Path<String>,
    Json(body): Json<DecisionBody>,
) -> Result<StatusCode, Problem> {
    let address: IpAddr = address
        .parse()
        .map_err(|_| Problem::bad(format!("{address:?} is not an IP address")))?;
    app.proxy.decide(address.to_canonical(), body.decision);
    Ok(StatusCode::NO_CONTENT)
}
