//! TLS alerts that say that something went wrong, in words.

use super::row::Context;
use crate::{
    diagnose::{Cause, Finding, Proof},
    tls::{self, Observed, SeenAlert},
};
use overhear_store::{Failure, FailureCause, Party, Side};

/// The alert that ended the connection, which is `over`. A warning ends it only where the handshake did not go on after it.
pub(super) fn fatal(context: &Context, seen: &Observed, over: bool) -> Option<(Finding, Failure)> {
    let is = |level| failures(seen).find(|(_, alert)| alert.level == level);
    let stopped = seen.done.is_none() && over;
    let warning = || is(tls::Level::Warning).filter(|_| stopped);
    let (failed, alert) = is(tls::Level::Fatal).or_else(warning)?;
    let party = match failed.side {
        Side::Request => Party::Client,
        Side::Response => Party::Server,
    };
    let text = sentence(failed, alert);
    let server = seen
        .client_hello
        .as_ref()
        .and_then(tls::ClientHello::server_name);
    let server = server.unwrap_or_else(|| context.server.to_string());
    let about = format!("{} > {server}", context.client);
    let proof = seen.hellos.iter().flatten().copied().chain([failed.packet]);
    let mut finding = Finding::new(Cause::TlsAlert, about, text.clone(), &Proof::of(proof));
    finding.means = alert.meaning();
    let failure = Failure {
        cause: match alert.description {
            42..=46 | 48 => FailureCause::Certificate,
            _ => FailureCause::Tls,
        },
        side: party,
        text: format!("{text} {}", alert.meaning()),
    };
    Some((finding, failure))
}

/// The alerts that say that something is wrong.
fn failures(seen: &Observed) -> impl Iterator<Item = (&SeenAlert, tls::Alert)> {
    let alerts = seen.alerts.iter();
    let alerts = alerts.filter_map(|seen| Some((seen, seen.alert?)));
    alerts.filter(|(_, alert)| alert.is_failure())
}

fn sentence(seen: &SeenAlert, alert: tls::Alert) -> String {
    let who = match seen.side {
        Side::Request => "The client",
        Side::Response => "The server",
    };
    let level = match alert.level {
        tls::Level::Warning => "a warning",
        tls::Level::Fatal => "a fatal alert",
    };
    let (name, number) = (alert.name(), alert.description);
    format!("{who} sent {level}: {name} ({number}).")
}

/// A warning after which the handshake went on.
pub(super) fn warned(seen: &Observed) -> Option<String> {
    seen.done?;
    let (seen, alert) = failures(seen).find(|(_, alert)| alert.level == tls::Level::Warning)?;
    Some(format!("{} The handshake went on.", sentence(seen, alert)))
}
