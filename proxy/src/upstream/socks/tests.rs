use super::*;
use crate::target::Scheme;
use tokio::io::AsyncWriteExt;

fn target(host: &str) -> Target {
    Target {
        scheme: Scheme::Https,
        host: host.to_owned(),
        port: 443,
    }
}

/// Talks with a proxy that expects and sends these bytes in turn, then closes.
async fn talk(proxy: &str, host: &str, script: &[(&[u8], &[u8])]) -> Result<Vec<u8>, Failure> {
    let (mut near, mut far) = tokio::io::duplex(4096);
    let script: Vec<(Vec<u8>, Vec<u8>)> = script
        .iter()
        .map(|(hears, says)| (hears.to_vec(), says.to_vec()))
        .collect();
    let other = tokio::spawn(async move {
        for (hears, says) in script {
            let mut heard = vec![0; hears.len()];
            far.read_exact(&mut heard).await.expect("what is expected");
            assert_eq!(heard, hears);
            // byte by byte: where an answer ends is never where a read does
            for byte in says {
                far.write_all(&[byte]).await.expect("room");
                tokio::task::yield_now().await;
            }
        }
    });
    let peer = Peer::read(proxy).expect("a proxy");
    let read = ask(&mut near, &target(host), &peer).await;
    other.await.expect("the other side heard what it expected");
    read.map(|read| read.to_vec())
}

const HELLO: (&[u8], &[u8]) = (&[5, 1, 0], &[5, 0]);
const ASKED: &[u8] = b"\x05\x01\x00\x03\x06a.test\x01\xbb";

#[tokio::test]
async fn a_name_is_sent_as_a_name() {
    for stands in [
        &b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"[..],
        b"\x05\x00\x00\x03\x01a\x00\x50",
        b"\x05\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50",
    ] {
        let read = talk("socks5h://p", "a.test", &[HELLO, (ASKED, stands)]).await;
        assert_eq!(read.expect("a connection"), b"");
    }
    let asked = b"\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb";
    let stands = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    let read = talk("socks5://p", "192.0.2.7", &[HELLO, (asked, stands)]).await;
    read.expect("a connection");
}

#[tokio::test]
async fn what_comes_behind_the_answer_is_the_servers() {
    let (mut near, mut far) = tokio::io::duplex(4096);
    let all = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00220 mail";
    far.write_all(all).await.expect("room");
    let peer = Peer::read("socks5://p").expect("a proxy");
    let read = ask(&mut near, &target("a.test"), &peer).await;
    assert_eq!(&read.expect("a connection")[..], b"220 mail");
}

#[tokio::test]
async fn user_and_password() {
    let offer = (&[5, 2, 0, 2][..], &[5, 2][..]);
    let login = &b"\x01\x02me\x06secret"[..];
    let stands = (ASKED, &b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"[..]);
    let proxy = "socks5://me:secret@p";
    let read = talk(proxy, "a.test", &[offer, (login, &[1, 0]), stands]).await;
    read.expect("a connection");
    let failure = talk(proxy, "a.test", &[offer, (login, &[1, 1])]).await;
    let text = failure.expect_err("refused").text;
    assert!(
        text.contains("\"me\"") && !text.contains("secret"),
        "{text}"
    );
    // who offers to log in may be told that there is no need
    let nobody = (&[5, 2, 0, 2][..], &[5, 0][..]);
    let read = talk(proxy, "a.test", &[nobody, stands]).await;
    read.expect("a connection");
}

#[tokio::test]
async fn whatever_else_comes_is_told() {
    use FailureCause as Cause;
    for (script, cause, told) in [
        (
            &[(HELLO.0, &b""[..])][..],
            Cause::Closed,
            "closed the connection",
        ),
        (&[(HELLO.0, &[5])], Cause::Closed, "closed the connection"),
        (&[(HELLO.0, &[4, 0x5b])], Cause::Protocol, "SOCKS4"),
        (&[(HELLO.0, b"HTTP/1.1 400")], Cause::Protocol, "http://"),
        (&[(HELLO.0, &[5, 1])], Cause::Protocol, "not offered (1)"),
        (&[(HELLO.0, &[5, 2])], Cause::Protocol, "not offered (2)"),
        (
            &[(HELLO.0, &[5, 0xff])],
            Cause::Other,
            "user:password@p:1080",
        ),
        (
            &[HELLO, (ASKED, &[5, 5, 0])],
            Cause::Refused,
            "refused the connection",
        ),
        (
            &[HELLO, (ASKED, &[5, 4])],
            Cause::Unreachable,
            "cannot reach the host",
        ),
        (
            &[HELLO, (ASKED, &[5, 200])],
            Cause::Other,
            "unknown code 200",
        ),
        (
            &[HELLO, (ASKED, &[5, 0, 0, 9])],
            Cause::Protocol,
            "unknown kind (9)",
        ),
        (
            &[HELLO, (ASKED, &[5, 0, 0, 3, 0])],
            Cause::Protocol,
            "no letters",
        ),
        // a length that is never filled
        (
            &[HELLO, (ASKED, &[5, 0, 0, 3, 255, 65])],
            Cause::Closed,
            "closed the connection",
        ),
        (
            &[HELLO, (ASKED, &[5, 0, 0, 1, 1, 2])],
            Cause::Closed,
            "closed the connection",
        ),
    ] {
        let failure = talk("socks5://p", "a.test", script).await;
        let failure = failure.expect_err(told);
        assert_eq!(failure.cause, cause, "{failure:?}");
        assert!(failure.text.contains(told), "{failure:?}");
        assert!(
            failure.text.contains("socks5://p:1080") || told.contains("user"),
            "{failure:?}"
        );
    }
    let long = "a".repeat(256);
    let failure = talk("socks5://p", &long, &[]).await.expect_err("too long");
    assert!(failure.text.contains("256 bytes"), "{failure:?}");
}

/// The fuzz target's function on mutated answers: the same in every run.
#[test]
fn mutated_answers_are_read_the_same_however_they_are_cut() {
    let seeds: [&[u8]; 5] = [
        b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00",
        b"\x05\x02\x01\x00\x05\x00\x00\x03\x04host\x00\x50more",
        b"\x05\xff",
        b"\x05\x05\x00\x04",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ];
    overhear_fuzz_rounds::rounds(
        "proxy_socks_answers",
        crate::upstream::fuzz::socks_answers,
        &seeds,
    );
}
