//! A packet taken apart for a person: every layer with its fields, each with the bytes it stands in.
//!
//! Names are those of the documents that define the fields. What is cut off or contradicts itself ends a layer, which says
//! so; what nobody here reads is a layer of data. Where [`link`](crate::link) and [`ip`](crate::ip) ask only what streams need, this
//! shows everything; it reads one packet, when somebody looks at it.

mod application;
mod fields;
mod link;
mod network;
mod tls;
mod transport;
mod wlan;

#[cfg(test)]
mod tests;

use crate::packet::LinkType;
use fields::Bytes;
use std::ops::Range;

/// A packet has at most so many layers: tunnels can lie in each other without end.
const MOST_LAYERS: usize = 32;

/// A layer shows at most so many fields.
const MOST_FIELDS: usize = 400;

/// One protocol's part of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The protocol's name.
    pub name: &'static str,
    /// What it says, in one line.
    pub summary: String,
    /// Its bytes in the packet; for a header, those of the header alone.
    pub range: Range<usize>,
    /// What stands there, in order.
    pub fields: Vec<Field>,
    /// Why it is not read to its end, where that is so.
    pub problem: Option<&'static str>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value as a person reads it.
    pub value: String,
    /// The bytes that it stands in.
    pub range: Range<usize>,
    /// Its parts: bits, options.
    pub fields: Vec<Field>,
}

/// Takes a packet apart, outermost layer first.
pub fn dissect(link: LinkType, data: &[u8]) -> Vec<Layer> {
    let mut layers = Layers(Vec::new());
    layers.link(link, Bytes::new(data));
    layers.0
}

/// The layers so far.
struct Layers(Vec<Layer>);

impl Layers {
    fn push(&mut self, layer: Layer) {
        if self.0.len() < MOST_LAYERS {
            self.0.push(layer);
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= MOST_LAYERS
    }

    /// What nobody here reads.
    fn data(&mut self, name: &'static str, bytes: Bytes<'_>) {
        if !bytes.data.is_empty() {
            self.push(Layer {
                name,
                summary: bytes_text(bytes.data.len()),
                range: bytes.range(),
                fields: Vec::new(),
                problem: None,
            });
        }
    }
}

fn bytes_text(count: usize) -> String {
    match count {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}
