//! Packets that are captured beside the proxy, for the page to show, start and stop.
//!
//! Only the program starts processes; here is what it and the API agree upon.

use serde::Serialize;
use utoipa::ToSchema;

/// Where captures are started and stopped.
pub trait Captures: Send + Sync + 'static {
    /// The captures of this run that go on, or have failed and were not put away; the oldest first.
    fn list(&self) -> Vec<Capture>;

    /// Begins to capture on an interface. Without an expression, what the proxy records is left out: the ports 80 and
    /// 443. The proxy's own ports and connections are always left out.
    ///
    /// # Errors
    /// It goes on already, or there are too many.
    fn start(&self, interface: &str, expression: Option<&str>) -> Result<Capture, Refused>;

    /// Stops a capture, or puts away one that has failed; false when there is none with this number. May wait, until
    /// what was captured is written.
    fn stop(&self, id: u64) -> bool;
}

/// A capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Capture {
    /// Its number in this run.
    pub id: u64,
    /// The interface.
    #[schema(example = "eth0")]
    pub interface: String,
    /// The expression that a person gave; null: everything but the ports 80 and 443.
    #[schema(example = "port 25")]
    pub expression: Option<String>,
    /// The expression that the system filters by, of pcap-filter(7).
    pub filter: String,
    /// How it is.
    pub state: State,
    /// Packets so far.
    pub packets: u64,
    /// Bytes of them that were captured.
    pub bytes: u64,
    /// Packets that the system dropped, because they came faster than they could be taken.
    pub dropped: u64,
    /// Why it failed or pauses, or what else is wrong, and what to do.
    pub error: Option<String>,
}

/// How a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The interface is being opened.
    Starting,
    /// Packets are taken.
    Running,
    /// It broke off, and begins again after a pause.
    Waiting,
    /// It could not begin.
    Failed,
}

/// Why a capture was not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, and what to do.
    pub reason: String,
}
