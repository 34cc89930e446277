//! Ethernet, VLAN tags, MPLS labels.

use super::{Layers, Network, Protocol, Vlan, by_ethertype, by_version, llc, short};
use crate::packet::Mac;

/// The longest payload that a length field can mean; above, it is an EtherType (IEEE 802.3, 3.2.6).
const LONGEST: u16 = 1500;

#[inline]
pub(super) fn frame<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Ethernet);
    let Some((header, rest)) = data.split_first_chunk::<14>() else {
        return layers.cut(data);
    };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low] = *header;
    layers.destination = Some(Mac([d0, d1, d2, d3, d4, d5]));
    layers.source = Some(Mac([s0, s1, s2, s3, s4, s5]));
    typed(layers, u16::from_be_bytes([high, low]), rest);
}

/// An EtherType or, where the number is too small for one, a length.
pub(super) fn typed<'a>(layers: &mut Layers<'a>, number: u16, rest: &'a [u8]) {
    if number > LONGEST {
        return by_ethertype(layers, number, rest);
    }
    // what is behind the length is padding
    let rest = rest.get(..usize::from(number)).unwrap_or(rest);
    llc(layers, rest);
}

pub(super) fn tag<'a>(layers: &mut Layers<'a>, tpid: u16, data: &'a [u8]) {
    layers.path.push(Protocol::Vlan);
    let (Some(tci), Some(number)) = (short(data, 0), short(data, 2)) else {
        return layers.cut(data);
    };
    let before = layers.vlans.as_slice().len();
    layers.vlans.push(Vlan { tpid, tci });
    let rest = data.get(4..).unwrap_or_default();
    if layers.vlans.as_slice().len() == before {
        // more tags than any network has: this is not a frame
        layers.network = Network::EtherType(tpid);
        layers.payload = data;
        return;
    }
    typed(layers, number, rest);
}

/// Labels (RFC 3032) up to the one that says it is the last; what follows is not named.
pub(super) fn mpls<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Mpls);
    let mut rest = data;
    loop {
        let Some(([_, _, bottom, _], after)) = rest.split_first_chunk() else {
            return layers.cut(data);
        };
        rest = after;
        if bottom & 1 == 1 {
            return by_version(layers, rest);
        }
    }
}
