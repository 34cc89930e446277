//! Through a capture from its first packet to its end: each packet taken apart, each datagram whole.

use crate::{
    file::{Damage, Reader},
    ip::{self, Fragments, Ip},
    link::{self, Layers},
    packet::{Packet, Spot},
};
use std::ops::ControlFlow;

/// Reads packets until the capture ends, is damaged, or `each` has seen enough; gives the damage.
///
/// `wanted` chooses packets before they are taken apart. `each` gets a packet, its link layer and its datagram, if it
/// has one: a fragment as it is, until the one that completes its datagram, which comes with the whole.
pub fn walk(
    reader: &mut Reader,
    mut wanted: impl FnMut(&Packet<'_>) -> bool,
    mut each: impl FnMut(&Packet<'_>, &Layers<'_>, Option<&Ip<'_>>) -> ControlFlow<()>,
) -> Option<Damage> {
    let mut fragments = Fragments::default();
    loop {
        let packet = match reader.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => return None,
            Err(damage) => return Some(damage),
        };
        if !wanted(&packet) {
            continue;
        }
        let layers = link::decode(packet.link, packet.data);
        let ip = ip::decode(&layers).ok();
        let flow = match ip.filter(|ip| ip.fragment.is_some()) {
            None => each(&packet, &layers, ip.as_ref()),
            Some(fragment) => {
                match fragments.add(&fragment, packet.number, Spot::default(), packet.time) {
                    Some(whole) => each(&packet, &layers, Some(&whole.ip())),
                    None => each(&packet, &layers, Some(&fragment)),
                }
            }
        };
        if flow.is_break() {
            return None;
        }
    }
}
