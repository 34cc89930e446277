//! `filter`: the fields of the filter language, and the values that occur.

use super::{
    extract::Query,
    problem::Problem,
    selection::{self, Sessions},
};
use crate::server::App;
use axum::{Json, extract::State};
use overhear_store::{
    filter::FIELDS,
    read::{Valued, Which},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most values that can be asked for.
const MOST: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(fields))
        .routes(routes!(values))
}

/// The fields of the filter language.
#[derive(Serialize, ToSchema)]
struct Fields {
    items: Vec<Field>,
}

/// A field.
#[derive(Serialize, ToSchema)]
struct Field {
    /// Its name, without the colon.
    #[schema(example = "status")]
    name: &'static str,
    /// What it looks at and how.
    what: &'static str,
    /// A term that uses it.
    #[schema(example = "status:4xx")]
    example: &'static str,
    /// All its values, when they are known beforehand.
    values: Option<&'static [&'static str]>,
    /// `/filter/values` knows which of its values occur.
    completes: bool,
}

/// The fields of the filter language.
#[utoipa::path(
    get, path = "/filter/fields", tag = "filter", operation_id = "filterFields",
    responses((status = 200, description = "The fields", body = Fields))
)]
async fn fields() -> Json<Fields> {
    let items = FIELDS.iter().map(|field| Field {
        name: field.name,
        what: field.what,
        example: field.example,
        values: field.values,
        completes: field.completes,
    });
    Json(Fields {
        items: items.collect(),
    })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ValuesQuery {
    /// Which field: one that `completes`.
    #[param(example = "host")]
    field: String,
    /// Only values that begin with this, upper and lower case alike.
    #[serde(default)]
    prefix: String,
    /// Only values of flows that match this filter.
    filter: Option<String>,
    /// Only values of flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// How many; 20 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Values that occur.
#[derive(Serialize, ToSchema)]
struct Values {
    /// The most frequent first.
    items: Vec<Value>,
}

/// A value that occurs.
#[derive(Serialize, ToSchema)]
struct Value {
    /// As it would stand in a filter, without quotes.
    value: String,
    /// How many flows have it.
    count: u64,
}

/// Which values of a field occur, and how often.
#[utoipa::path(
    get, path = "/filter/values", tag = "filter", operation_id = "filterValues", params(ValuesQuery),
    responses(
        (status = 200, description = "The values", body = Values),
        (status = 400, description = "The field, the filter or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn values(
    State(app): State<Arc<App>>,
    Query(query): Query<ValuesQuery>,
) -> Result<Json<Values>, Problem> {
    let limit = query.limit.unwrap_or(20);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad(format!(
            "limit is a number from 1 to {MOST}, not {limit}"
        )));
    }
    let Some(field) = Valued::named(&query.field) else {
        let known: Vec<_> = Valued::names().collect();
        return Err(Problem::bad(format!(
            "the values of {:?} cannot be listed; those of {} can",
            query.field,
            known.join(", ")
        )));
    };
    let which = Which {
        filter: selection::filter(query.filter.as_deref())?,
        ids: None,
        session: query.session.resolve(&app).await?,
    };
    let values = app
        .store
        .values(field, &query.prefix, &which, limit)
        .await?;
    let items = values.into_iter().map(|value| Value {
        value: value.value,
        count: value.count,
    });
    Ok(Json(Values {
        items: items.collect(),
    }))
}
