//! What other programs read in an exported file: flows are recorded through the real recorder, exported, and
//! read with tshark, capinfos and tcpdump.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod endings;
mod http1;
mod http2;
mod large;
mod reader;
mod recording;
mod streams;
