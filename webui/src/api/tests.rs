//! The API on a real store and a real proxy: what it answers, and what it says to bad input.

mod bodies;
mod events;
mod export;
mod flows;
mod import;
mod kept;
mod openapi;
mod packets;
mod program;
mod replay;
mod rules;
mod sessions;
