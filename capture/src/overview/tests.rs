//! Counting a few packets.

use super::*;
use crate::{LinkType, ip, link};

fn count(packets: &[&[u8]]) -> Overview {
    let mut overview = Overview::new(Wanted {
        talk: true,
        hierarchy: true,
    });
    for (number, data) in (1..).zip(packets) {
        let packet = Packet {
            number,
            time: number as i64 * 10,
            link: LinkType::ETHERNET,
            interface: 0,
            original_length: data.len() as u32 + 1,
            offset: 0,
            data,
        };
        let layers = link::decode(packet.link, data);
        overview.packet(&packet, &layers, ip::decode(&layers).ok().as_ref());
    }
    overview
}

#[test]
fn who_spoke_with_whom_in_which_protocols() {
    let macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let udp = |from: u8, to: u8, ports: [u8; 4]| {
        let mut packet = macs.to_vec();
        packet.extend([
            8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from, 10, 0, 0, to,
        ]);
        packet.extend(ports);
        packet.extend([0, 8, 0, 0]);
        packet
    };
    let question = udp(1, 2, [0xff, 0, 0, 53]);
    let answer = udp(2, 1, [0, 53, 0xff, 0]);
    let arp = [&macs[..], &[8, 6, 0, 1]].concat();
    let overview = count(&[&question, &answer, &question, &arp]);

    assert_eq!(
        overview.all,
        Count {
            packets: 4,
            bytes: 3 * 43 + 17
        }
    );
    assert_eq!((overview.cut, overview.times), (4, Some((10, 40))));
    let talk = overview.conversations();
    assert_eq!(talk.len(), 2);
    assert_eq!(talk[0].ends.protocol, "udp");
    assert_eq!(talk[0].ends.a.1, Some(0xff00));
    assert_eq!((talk[0].a_to_b.packets, talk[0].b_to_a.packets), (2, 1));
    assert_eq!((talk[0].first, talk[0].last), (10, 30));
    assert_eq!(
        (talk[1].ends.protocol, talk[1].ends.b.0.to_string().as_str()),
        ("arp", "02:00:00:00:00:01")
    );
    let endpoints = overview.endpoints();
    assert_eq!(endpoints.len(), 4);
    assert_eq!(
        (
            endpoints[0].address.to_string().as_str(),
            endpoints[0].sent.packets
        ),
        ("10.0.0.1", 2)
    );

    let roots = overview.hierarchy();
    assert_eq!(
        (roots.len(), roots[0].protocol, roots[0].count.packets),
        (1, "eth", 4)
    );
    let names: Vec<_> = roots[0].inside.iter().map(|node| node.protocol).collect();
    assert_eq!(names, ["ip", "arp"]);
    let dns = &roots[0].inside[0].inside[0].inside[0];
    assert_eq!((dns.protocol, dns.count.packets), ("dns", 3));
}
