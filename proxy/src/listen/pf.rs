//! macOS: pf(4) is asked whom a connection was for, before a `rdr` rule led it here.
//!
//! `net/pfvar.h` of XNU is not among the headers of the SDK; what is used of it is written down here: the question
//! `DIOCNATLOOK`, whose structure holds four addresses of 16 bytes, four ports of 4 (the first two in the order of the
//! network), the family, the protocol, its variant and the direction.
#![expect(
    unsafe_code,
    reason = "a question to a device is bytes whose meaning only we know"
)]

use rustix::ioctl::{Updater, ioctl, opcode};
use std::{
    fs::OpenOptions,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// `struct pfioc_natlook`.
type Question = [u8; 84];

const FAMILY: usize = 80;
/// `AF_INET` and `AF_INET6` of XNU, `IPPROTO_TCP`, `PF_OUT`.
const INET: u8 = 2;
const INET6: u8 = 30;
const TCP: u8 = 6;
const OUT: u8 = 2;

/// Whom the connection from `client` to our `local` was for. Only root may ask.
pub(super) fn asked(client: SocketAddr, local: SocketAddr) -> io::Result<SocketAddr> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/pf")?;
    let mut bytes = question(client, local);
    // SAFETY: DIOCNATLOOK is `_IOWR('D', 23, struct pfioc_natlook)`: it reads and writes 84 bytes without pointers.
    unsafe {
        let question =
            Updater::<{ opcode::read_write::<Question>(b'D', 23) }, Question>::new(&mut bytes);
        ioctl(&device, question)?;
    }
    Ok(answer(&bytes))
}

fn question(client: SocketAddr, local: SocketAddr) -> Question {
    let mut bytes = [0; 84];
    let (ends, ports) = bytes.split_at_mut(64);
    for (end, (address, port)) in [client, local]
        .into_iter()
        .zip(ends.chunks_exact_mut(16).zip(ports.chunks_exact_mut(4)))
    {
        match end.ip() {
            IpAddr::V4(ip) => address
                .iter_mut()
                .zip(ip.octets())
                .for_each(|(to, from)| *to = from),
            IpAddr::V6(ip) => address
                .iter_mut()
                .zip(ip.octets())
                .for_each(|(to, from)| *to = from),
        }
        port.iter_mut()
            .zip(end.port().to_be_bytes())
            .for_each(|(to, from)| *to = from);
    }
    let family = if client.is_ipv4() { INET } else { INET6 };
    bytes[FAMILY..].copy_from_slice(&[family, TCP, 0, OUT]);
    bytes
}

/// The second address of the answer, with its port: where the connection was going.
fn answer(bytes: &Question) -> SocketAddr {
    let mut sixteen = [0; 16];
    sixteen.copy_from_slice(&bytes[48..64]);
    let [a, b, c, d, ..] = sixteen;
    let ip = match bytes[FAMILY] {
        INET => IpAddr::from(Ipv4Addr::new(a, b, c, d)),
        _ => IpAddr::from(Ipv6Addr::from(sixteen)),
    };
    SocketAddr::new(ip, u16::from_be_bytes([bytes[76], bytes[77]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_are_laid_out_as_xnu_has_them() {
        let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let bytes = question(at("192.0.2.1:258"), at("127.0.0.1:8082"));
        assert_eq!(bytes[..5], [192, 0, 2, 1, 0]);
        assert_eq!(bytes[16..21], [127, 0, 0, 1, 0]);
        assert_eq!(bytes[64..72], [1, 2, 0, 0, 0x1f, 0x92, 0, 0]);
        assert_eq!(bytes[80..], [2, 6, 0, 2]);
        let mut bytes = bytes;
        bytes[48..52].copy_from_slice(&[198, 51, 100, 7]);
        bytes[76..78].copy_from_slice(&[0x01, 0xbb]);
        assert_eq!(answer(&bytes), at("198.51.100.7:443"));

        let mut bytes = question(at("[2001:db8::1]:1"), at("[::1]:2"));
        assert_eq!(bytes[..4], [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(bytes[80..], [30, 6, 0, 2]);
        bytes[48] = 0xfd;
        bytes[76..78].copy_from_slice(&[0, 80]);
        assert_eq!(answer(&bytes), at("[fd00::]:80"));
        // _IOWR('D', 23, struct pfioc_natlook)
        let code = opcode::read_write::<Question>(b'D', 23);
        assert_eq!(u64::from(code as u32), 0xc054_4417);
    }
}
