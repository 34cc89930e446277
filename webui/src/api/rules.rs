//! `rules`: what is changed on its way.

use super::{
    extract::{Json, Path, Query},
    model,
    problem::Problem,
};
use crate::{rules, server::App};
use axum::{
    Json as Answer,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use overhear_store::{
    filter::Filter,
    read::{FlowQuery, Which},
    rule::{Action, Rule, RuleError, RuleId, StoredRule, add_toml, from_toml, to_toml},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most rules that are kept.
const MOST_RULES: usize = 1000;

/// How many flows a preview shows.
const SHOWN: u32 = 20;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, add, switch))
        .routes(routes!(show, change, delete))
        .routes(routes!(order))
        .routes(routes!(preview))
        .routes(routes!(export))
        .routes(routes!(import))
}

/// A rule with its number.
#[derive(Serialize, ToSchema)]
struct Item {
    /// Its number; negative for one of the file.
    id: i64,
    /// It is of the file that `--rules` names, and changed there.
    from_file: bool,
    /// Why it cannot be used: it does not act.
    error: Option<String>,
    /// What it says.
    #[serde(flatten)]
    rule: Rule,
}

impl From<StoredRule> for Item {
    fn from(stored: StoredRule) -> Self {
        Self {
            id: stored.id.0,
            from_file: stored.id.0 < 0,
            error: rules::check(&stored.rule)
                .err()
                .map(|error| error.to_string()),
            rule: stored.rule,
        }
    }
}

/// All rules.
#[derive(Serialize, ToSchema)]
struct RuleList {
    /// In the order in which they act.
    items: Vec<Item>,
    /// The file of rules, when there is one.
    file: Option<String>,
    /// Why the file cannot be used as it is now; its rules before act on.
    file_error: Option<String>,
}

/// The rules, in the order in which they act.
#[utoipa::path(
    get, path = "/rules", tag = "rules", operation_id = "listRules",
    responses((status = 200, description = "The rules", body = RuleList))
)]
async fn list(State(app): State<Arc<App>>) -> Result<Answer<RuleList>, Problem> {
    let _alone = app.rules.change().await;
    listed(&app).await
}

async fn listed(app: &App) -> Result<Answer<RuleList>, Problem> {
    let file = app.rules.file();
    let all = app.rules.all().await?;
    Ok(Answer(RuleList {
        items: all.into_iter().map(Item::from).collect(),
        file: file.path.map(|path| path.display().to_string()),
        file_error: file.error,
    }))
}

/// Adds a rule behind the others; it acts from the next exchange on.
#[utoipa::path(
    post, path = "/rules", tag = "rules", operation_id = "addRule", request_body = Rule,
    responses(
        (status = 201, description = "The rule", body = Item),
        (status = 400, description = "The rule cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn add(
    State(app): State<Arc<App>>,
    Json(rule): Json<Rule>,
) -> Result<(StatusCode, Answer<Item>), Problem> {
    checked(&rule)?;
    let _alone = app.rules.change().await;
    has_room(&app, 1).await?;
    let ids = app.store.add_rules(vec![rule.clone()]).await?;
    app.rules.act().await?;
    let id = ids.first().copied().unwrap_or(RuleId(0));
    Ok((StatusCode::CREATED, Answer(StoredRule { id, rule }.into())))
}

/// What is switched.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    /// Only the rules of this group; all of them when absent.
    group: Option<String>,
    /// On or off.
    on: bool,
}

/// Switches many rules on or off: all, or those of a group.
#[utoipa::path(
    patch, path = "/rules", tag = "rules", operation_id = "switchRules", request_body = Switch,
    responses(
        (status = 200, description = "The rules as they are now", body = RuleList),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn switch(
    State(app): State<Arc<App>>,
    Json(switch): Json<Switch>,
) -> Result<Answer<RuleList>, Problem> {
    let _alone = app.rules.change().await;
    for stored in app.store.rules().await? {
        let meant = switch
            .group
            .as_ref()
            .is_none_or(|group| *group == stored.rule.group);
        if meant && stored.rule.on != switch.on {
            let rule = Rule {
                on: switch.on,
                ..stored.rule
            };
            app.store.change_rule(stored.id, rule).await?;
        }
    }
    app.rules.act().await?;
    listed(&app).await
}

/// A rule.
#[utoipa::path(
    get, path = "/rules/{id}", tag = "rules", operation_id = "getRule",
    params(("id" = i64, Path, description = "The rule's number")),
    responses(
        (status = 200, description = "The rule", body = Item),
        (status = 404, description = "There is no such rule", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn show(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Result<Answer<Item>, Problem> {
    let _alone = app.rules.change().await;
    Ok(Answer(find(&app, id).await?.into()))
}

/// Puts another rule in the place of one.
#[utoipa::path(
    put, path = "/rules/{id}", tag = "rules", operation_id = "changeRule", request_body = Rule,
    params(("id" = i64, Path, description = "The rule's number")),
    responses(
        (status = 200, description = "The rule as it is now", body = Item),
        (status = 400, description = "The rule cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such rule", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is of the file", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    Json(rule): Json<Rule>,
) -> Result<Answer<Item>, Problem> {
    in_database(&app, id)?;
    checked(&rule)?;
    let _alone = app.rules.change().await;
    if !app.store.change_rule(RuleId(id), rule.clone()).await? {
        return Err(no_rule(id));
    }
    app.rules.act().await?;
    let id = RuleId(id);
    Ok(Answer(StoredRule { id, rule }.into()))
}

/// Deletes a rule.
#[utoipa::path(
    delete, path = "/rules/{id}", tag = "rules", operation_id = "deleteRule",
    params(("id" = i64, Path, description = "The rule's number")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "There is no such rule", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is of the file", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    in_database(&app, id)?;
    let _alone = app.rules.change().await;
    if !app.store.delete_rule(RuleId(id)).await? {
        return Err(no_rule(id));
    }
    app.rules.act().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RuleOrder {
    /// Numbers of rules; those that are not among them follow in the order that they have.
    ids: Vec<i64>,
}

/// Puts the rules into an order.
#[utoipa::path(
    put, path = "/rules/order", tag = "rules", operation_id = "orderRules", request_body = RuleOrder,
    responses(
        (status = 200, description = "The rules as they are now", body = RuleList),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn order(
    State(app): State<Arc<App>>,
    Json(order): Json<RuleOrder>,
) -> Result<Answer<RuleList>, Problem> {
    let _alone = app.rules.change().await;
    let ids = order.ids.into_iter().map(RuleId).collect();
    app.store.order_rules(ids).await?;
    app.rules.act().await?;
    listed(&app).await
}

/// What would have matched.
#[derive(Serialize, ToSchema)]
struct Preview {
    /// How many of the recorded flows.
    count: u64,
    /// The newest of them, at most 20.
    items: Vec<model::Flow>,
}

/// Which of the recorded flows a rule's filter would have matched. The rule is checked and does not act.
#[utoipa::path(
    post, path = "/rules/preview", tag = "rules", operation_id = "previewRule", request_body = Rule,
    responses(
        (status = 200, description = "The flows", body = Preview),
        (status = 400, description = "The rule cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn preview(
    State(app): State<Arc<App>>,
    Json(rule): Json<Rule>,
) -> Result<Answer<Preview>, Problem> {
    checked(&rule)?;
    // only what has HTTP in it is touched
    let filter = format!("(kind:http or kind:websocket) ({})", rule.filter);
    let filter = match rule.filter.trim() {
        "" => Filter::parse("kind:http or kind:websocket")?,
        _ => Filter::parse(&filter)?,
    };
    let which = Which {
        filter: Some(filter.clone()),
        ..Which::default()
    };
    let page = FlowQuery {
        filter: Some(filter),
        descending: true,
        limit: SHOWN,
        ..FlowQuery::default()
    };
    let page = app.store.flows(&page).await?;
    Ok(Answer(Preview {
        count: app.store.count(which.filter.as_ref()).await?,
        items: page.flows.iter().map(model::Flow::row).collect(),
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Only those of the database.
    #[serde(default)]
    own: bool,
}

/// The rules as a file that a person can read: TOML. All that act, those of the database and behind them those of the file that
/// `--rules` names, so that another overhear does the same with them; where that file is read, they are not taken in again.
#[utoipa::path(
    get, path = "/rules.toml", tag = "rules", operation_id = "exportRules", params(ExportQuery),
    responses(
        (status = 200, description = "The rules", body = String, content_type = "application/toml"),
        (status = 400, description = "A parameter cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn export(
    State(app): State<Arc<App>>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let own: Vec<Rule> = app
        .store
        .rules()
        .await?
        .into_iter()
        .map(|s| s.rule)
        .collect();
    let mut text = to_toml(&own);
    let file = app.rules.file();
    if !query.own && !file.rules.is_empty() {
        let path = file.path.unwrap_or_default();
        // a comment is one line
        let path = path.display().to_string().replace(char::is_control, "?");
        text.push_str(&format!(
            "\n# Of the file {path}. Where it is read, they are not taken in again.\n"
        ));
        add_toml(&mut text, &file.rules);
    }
    let kind = [
        (header::CONTENT_TYPE, "application/toml"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"rules.toml\"",
        ),
    ];
    Ok((kind, text).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// Put them in the place of all that there are, instead of behind them.
    #[serde(default)]
    replace: bool,
}

/// The rules after others were brought in.
#[derive(Serialize, ToSchema)]
struct ImportedRules {
    #[serde(flatten)]
    list: RuleList,
    /// How many were left out, because the file that `--rules` names has the same.
    of_file: usize,
}

/// Brings rules in from TOML: all of them, or none. Those that the file has which `--rules` names are there already, and are left out.
#[utoipa::path(
    post, path = "/rules/import", tag = "rules", operation_id = "importRules", params(ImportQuery),
    request_body(content = String, content_type = "application/toml"),
    responses(
        (status = 200, description = "The rules as they are now", body = ImportedRules),
        (status = 400, description = "The rules cannot be read, or one of them cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn import(
    State(app): State<Arc<App>>,
    Query(query): Query<ImportQuery>,
    text: String,
) -> Result<Answer<ImportedRules>, Problem> {
    let mut rules = from_toml(&text).map_err(|error| unusable(error.to_string()))?;
    for (number, rule) in (1..).zip(&rules) {
        rules::check(rule)
            .map_err(|error| unusable(format!("rule {number} ({:?}): {error}", rule.name)))?;
    }
    let _alone = app.rules.change().await;
    let given = rules.len();
    let file = app.rules.file();
    rules.retain(|rule| !file.rules.contains(rule));
    let of_file = given - rules.len();
    match query.replace {
        true => {
            if rules.len() > MOST_RULES {
                return Err(too_many());
            }
            app.store.replace_rules(rules).await?;
        }
        false => {
            has_room(&app, rules.len()).await?;
            app.store.add_rules(rules).await?;
        }
    }
    app.rules.act().await?;
    let Answer(list) = listed(&app).await?;
    Ok(Answer(ImportedRules { list, of_file }))
}

/// Whether a rule can be used; the problem says which of its actions is wrong.
fn checked(rule: &Rule) -> Result<(), Problem> {
    let Err(error) = rules::check(rule) else {
        return Ok(());
    };
    let with = |action: &Action| {
        rules::check(&Rule {
            actions: vec![action.clone()],
            ..rule.clone()
        })
    };
    // what is wrong whatever it does is no action's
    let harmless = Action::Comment {
        text: String::new(),
    };
    let wrong = match with(&harmless) {
        Ok(()) => rule.actions.iter().position(|action| with(action).is_err()),
        Err(_) => None,
    };
    Err(Problem::from(error).of_action(wrong))
}

async fn find(app: &App, id: i64) -> Result<StoredRule, Problem> {
    let all = app.rules.all().await?;
    let found = all.into_iter().find(|stored| stored.id.0 == id);
    found.ok_or_else(|| no_rule(id))
}

async fn has_room(app: &App, more: usize) -> Result<(), Problem> {
    match app.store.rules().await?.len() + more > MOST_RULES {
        true => Err(too_many()),
        false => Ok(()),
    }
}

fn too_many() -> Problem {
    unusable(format!(
        "at most {MOST_RULES} rules are kept: delete some first"
    ))
}

fn in_database(app: &App, id: i64) -> Result<(), Problem> {
    if id >= 0 {
        return Ok(());
    }
    let file = app.rules.file().path.unwrap_or_default();
    Err(Problem::new(
        StatusCode::CONFLICT,
        "rule",
        "The rule is of a file",
        format!(
            "This rule is of the file {}: change it there; the file is read again when it changes.",
            file.display()
        ),
    ))
}

fn no_rule(id: i64) -> Problem {
    Problem::not_found(format!("There is no rule {id}. It may have been deleted."))
}

fn unusable(detail: String) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "rule",
        "The rule cannot be used",
        detail,
    )
}

impl From<RuleError> for Problem {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::Filter(error) => error.into(),
            error => unusable(error.to_string()),
        }
    }
}
