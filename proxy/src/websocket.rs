//! WebSockets (RFC 6455): bytes both ways as in any tunnel, until there are rules that may touch their messages.
//!
//! Without such rules nothing is looked at but where messages end, so that a rule can begin to act in the middle of
//! a conversation. From then on each message is put together, read and decided about in its turn; what no rule touches goes on
//! as it came. Pings and pongs overtake what waits. What a person sends by hand goes between two messages of its direction,
//! past all rules ([`by_hand`]). [`frame`], [`deflate`] and [`assemble`] decide over bytes; [`relay`]
//! has the sockets; [`encode`] knows what either side's decompressor has seen.

mod assemble;
mod by_hand;
mod deflate;
mod encode;
mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod relay;

pub(crate) use by_hand::Sockets;
pub use by_hand::{ByHandError, Delivery};
pub(crate) use relay::{Stop, relay};
