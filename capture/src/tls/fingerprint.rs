//! JA3 and JA4: which program sent a ClientHello.
//!
//! JA3: <https://github.com/salesforce/ja3>. JA4: FoxIO's technical details,
//! <https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md>.

use super::hello::{ClientHello, real};
use md5::{Digest as _, Md5};
use sha2::Sha256;
use std::fmt::Display;

/// A JA3 fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ja3 {
    /// Version, suites, extensions, groups and point formats in decimal.
    pub full: String,
    /// MD5 of it, in hexadecimal.
    pub hash: String,
}

/// The JA3 fingerprint of a ClientHello.
pub fn ja3(hello: &ClientHello) -> Ja3 {
    let extensions = hello.extensions.iter().map(|e| e.number).collect();
    let full = format!(
        "{},{},{},{},{}",
        hello.legacy_version,
        join(real(hello.suites.clone()), "-"),
        join(real(extensions), "-"),
        join(real(hello.groups()), "-"),
        join(hello.point_formats(), "-"),
    );
    let hash = hex(&Md5::digest(full.as_bytes()));
    Ja3 { full, hash }
}

/// The JA4 fingerprint of a ClientHello that came over TCP.
pub fn ja4(hello: &ClientHello) -> String {
    const SNI: u16 = 0;
    const ALPN: u16 = 16;
    let mut suites = real(hello.suites.clone());
    let all = real(hello.extensions.iter().map(|e| e.number).collect());
    let version = match hello.versions().into_iter().max() {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        _ => "00",
    };
    let name = if all.contains(&SNI) { 'd' } else { 'i' };
    let (suite_count, extension_count) = (suites.len().min(99), all.len().min(99));
    let protocol = first_and_last(hello.protocols().first());
    suites.sort_unstable();
    let mut extensions = all;
    extensions.retain(|number| *number != SNI && *number != ALPN);
    extensions.sort_unstable();
    let mut listed = join_hex(&extensions);
    let signatures = real(hello.signatures());
    if !signatures.is_empty() {
        listed += "_";
        listed += &join_hex(&signatures);
    }
    let none = |empty: bool, text: &str| match empty {
        true => "000000000000".to_owned(),
        false => hex(Sha256::digest(text.as_bytes()).get(..6).unwrap_or_default()),
    };
    format!(
        "t{version}{name}{suite_count:02}{extension_count:02}{protocol}_{}_{}",
        none(suites.is_empty(), &join_hex(&suites)),
        none(extensions.is_empty(), &listed),
    )
}

/// The first and the last character of the first protocol; of its hexadecimal form when one of them is no letter or digit.
fn first_and_last(protocol: Option<&Vec<u8>>) -> String {
    let Some((first, last)) = protocol.and_then(|p| Some((*p.first()?, *p.last()?))) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first, last].map(char::from).iter().collect();
    }
    let digits = hex(&[first, last]);
    let ends = [digits.chars().next(), digits.chars().last()];
    ends.into_iter().flatten().collect()
}

fn join<T: Display>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(between)
}

fn join_hex(numbers: &[u16]) -> String {
    join(numbers.iter().map(|number| format!("{number:04x}")), ",")
}

/// Lower case, two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Extension;

    fn vector(numbers: &[u16]) -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    }

    fn extension(number: u16, prefix: &[u8], numbers: &[u16]) -> Extension {
        let data = [prefix, &vector(numbers)].concat();
        Extension { number, data }
    }

    /// What Chrome 143 sent to a service that tells both fingerprints.
    fn chrome() -> ClientHello {
        let suites = [
            0x3a3a, 4865, 4866, 4867, 49195, 49199, 49196, 49200, 52393, 52392, 49171, 49172, 156,
            157, 47, 53,
        ];
        let order = [
            0xdada, 45, 51, 16, 65037, 23, 17613, 0, 11, 10, 43, 65281, 35, 18, 5, 13, 27, 0x1a1a,
        ];
        let extensions = order.iter().map(|number| match number {
            16 => Extension {
                number: 16,
                data: b"\0\x0c\x02h2\x08http/1.1".to_vec(),
            },
            11 => Extension {
                number: 11,
                data: vec![1, 0],
            },
            10 => extension(10, &[0, 10], &[0x8a8a, 4588, 29, 23, 24]),
            43 => extension(43, &[6], &[0x2a2a, 0x0304, 0x0303]),
            13 => {
                let list = [
                    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
                ];
                extension(13, &[0, 16], &list)
            }
            number => extension(*number, &[], &[]),
        });
        ClientHello {
            legacy_version: 0x0303,
            random: [0; 32],
            suites: suites.to_vec(),
            extensions: extensions.collect(),
        }
    }

    #[test]
    fn a_browser_is_recognized() {
        let ja3 = ja3(&chrome());
        assert_eq!(
            ja3.full,
            "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,\
             45-51-16-65037-23-17613-0-11-10-43-65281-35-18-5-13-27,4588-29-23-24,0"
        );
        assert_eq!(ja3.hash, "98487aa16281980e7d1120d399efb6a4");
        assert_eq!(ja4(&chrome()), "t13d1516h2_8daaf6152771_d8a2da3f94cd");
    }

    #[test]
    fn what_is_not_offered_is_zero() {
        let bare = ClientHello {
            legacy_version: 0x0301,
            random: [0; 32],
            suites: Vec::new(),
            extensions: Vec::new(),
        };
        assert_eq!(ja4(&bare), "t10i000000_000000000000_000000000000");
        assert_eq!(ja3(&bare).full, "769,,,,");
    }

    #[test]
    fn a_protocol_of_other_characters_is_told_by_its_hexadecimal_ends() {
        let ends = |protocol: &[u8]| first_and_last(Some(&protocol.to_vec()));
        assert_eq!(ends(b"http/1.1"), "h1");
        assert_eq!(ends(b"x"), "xx");
        assert_eq!(ends(b"\xab"), "ab");
        assert_eq!(ends(b"\x30\xab"), "3b");
    }
}
