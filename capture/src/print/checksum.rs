//! The Internet checksum (RFC 1071) and the pseudo-headers it covers.

/// The sum over all parts, folded and inverted: 0 when the parts hold their right checksum. Every part but the last
/// has an even length.
pub(crate) fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        let mut words = part.chunks_exact(2);
        for word in &mut words {
            sum += u64::from(u16::from_be_bytes([word[0], word[1]]));
        }
        if let [last] = words.remainder() {
            sum += u64::from(*last) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The checksum that should stand there, when `found` stands there and the sum over everything is `sum`.
pub(crate) fn expected(found: u16, sum: u16) -> u16 {
    // taken out and put in again in ones' complement (RFC 1624)
    let mut right = u32::from(found) + u32::from(sum);
    right = (right & 0xffff) + (right >> 16);
    right as u16
}

/// Who talks to whom, for the checksum above.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Addresses {
    /// Source and destination (behind a source route: the last one).
    Four([u8; 4], [u8; 4]),
    /// Source and destination.
    Six([u8; 16], [u8; 16]),
}

impl Addresses {
    /// The sum over the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1) and `data`.
    pub(crate) fn sum(&self, protocol: u8, data: &[u8]) -> u16 {
        let length = data.len() as u32;
        match self {
            Self::Four(source, destination) => {
                let [_, _, high, low] = length.to_be_bytes();
                sum(&[source, destination, &[0, protocol, high, low], data])
            }
            Self::Six(source, destination) => sum(&[
                source,
                destination,
                &length.to_be_bytes(),
                &[0, 0, 0, protocol],
                data,
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(sum(&[&data]), !0xddf2);
        let mut whole = data.to_vec();
        whole.extend((!0xddf2u16).to_be_bytes());
        assert_eq!(sum(&[&whole]), 0);
        // a wrong one is put right
        whole[8] ^= 0x55;
        let found = u16::from_be_bytes([whole[8], whole[9]]);
        assert_eq!(expected(found, sum(&[&whole])), !0xddf2);
        assert_eq!(sum(&[&[1]]), !0x0100);
        assert_eq!(sum(&[]), 0xffff);
    }
}
