//! The flows as a tree of devices, hosts and paths, a level at a time.

use crate::{
    api::{
        extract::Query,
        problem::Problem,
        selection::{self, Sessions},
    },
    server::App,
};
use axum::{Json, extract::State};
use overhear_store::read::{self, Level, Which};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(tree))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TreeQuery {
    /// Only flows that match this filter.
    filter: Option<String>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// Begin with the programs on this computer and the other devices; otherwise with the hosts.
    #[serde(default)]
    devices: bool,
    /// What is below this device or program: the `key` of its node (`192.168.1.7`, `app:curl`).
    client: Option<String>,
    /// What is below this host: the `key` of its node.
    host: Option<String>,
    /// What is below this path of the host: the `key` of its node; `/` when absent.
    #[param(example = "/api/")]
    path: Option<String>,
}

/// A level of the tree.
#[derive(Serialize, ToSchema)]
struct TreeLevel {
    /// At most 500, those with the most flows first.
    items: Vec<TreeNode>,
    /// How many more there are.
    more: u64,
}

/// A node of the tree.
#[derive(Serialize, ToSchema)]
struct TreeNode {
    /// What a person reads; empty for what has no path.
    #[schema(example = "api/")]
    name: String,
    /// What to give as `client`, `host` or `path` for the level below.
    #[schema(example = "/v1/api/")]
    key: String,
    /// How many flows.
    count: u64,
    /// Flows that failed, have a status of 400 and more, or are gRPC calls that did not end with OK.
    errors: u64,
    /// Flows that are going on.
    running: u64,
    /// Bytes of both bodies.
    bytes: u64,
    /// There is something below it.
    children: bool,
    /// A filter for its flows, within the filter and the session that were given.
    #[schema(example = "host:=example.com path:/v1/api/*")]
    filter: String,
}

/// A level of the tree of flows: the devices, the hosts, or what is directly below a path of a host.
#[utoipa::path(
    get, path = "/flows/tree", tag = "flows", operation_id = "treeOfFlows", params(TreeQuery),
    responses(
        (status = 200, description = "The level", body = TreeLevel),
        (status = 400, description = "The filter or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn tree(
    State(app): State<Arc<App>>,
    Query(query): Query<TreeQuery>,
) -> Result<Json<TreeLevel>, Problem> {
    let which = Which {
        filter: selection::filter(query.filter.as_deref())?,
        ids: None,
        session: query.session.resolve(&app).await?,
    };
    let level = level(query.devices, query.client, query.host, query.path)?;
    let tree = app.store.tree(&which, &level).await?;
    Ok(Json(TreeLevel {
        items: tree.nodes.into_iter().map(TreeNode::from).collect(),
        more: tree.more,
    }))
}

fn level(
    devices: bool,
    client: Option<String>,
    host: Option<String>,
    path: Option<String>,
) -> Result<Level, Problem> {
    let Some(host) = host else {
        return match path {
            Some(_) => Err(Problem::bad("path needs a host")),
            None if devices && client.is_none() => Ok(Level::Devices),
            None => Ok(Level::Hosts { client }),
        };
    };
    let path = path.unwrap_or_else(|| "/".to_owned());
    if !path.starts_with('/') || !path.ends_with('/') || path.contains('?') {
        return Err(Problem::bad(format!(
            "path begins and ends with / and has no query, unlike {path:?}"
        )));
    }
    Ok(Level::Paths { client, host, path })
}

impl From<read::Node> for TreeNode {
    fn from(node: read::Node) -> Self {
        Self {
            name: node.name,
            key: node.key,
            count: node.count,
            errors: node.errors,
            running: node.running,
            bytes: node.bytes,
            children: node.children,
            filter: node.filter,
        }
    }
}
