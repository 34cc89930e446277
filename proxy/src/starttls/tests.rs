//! Transcripts: `C` is what the client says, `S` what the server says.

use super::{Agreed, MOST, Watch, fuzz, lines::LONGEST};
use overhear_store::Side;

const C: Side = Side::Request;
const S: Side = Side::Response;

type Turns<'a> = &'a [(Side, &'a [u8])];

/// The name, and what was agreed on at which turn, with the rest of that turn.
type Told = (Option<&'static str>, Option<(usize, Agreed, Vec<u8>)>);

/// What is told at which turn, cut into pieces of `size`; with the rest of that turn behind what settled it.
fn told(turns: Turns<'_>, size: usize) -> Told {
    let mut watch = Watch::new();
    for (turn, (side, bytes)) in turns.iter().enumerate() {
        let mut rest = *bytes;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(size.min(rest.len()));
            if let Some(agreed) = watch.saw(*side, piece) {
                let behind = [&piece[agreed.at..], more].concat();
                return (
                    watch.name(),
                    Some((turn, Agreed { at: 0, ..agreed }, behind)),
                );
            }
            rest = more;
        }
    }
    (watch.name(), None)
}

/// It turns to TLS at the last turn, in whatever pieces it comes; nothing was sent behind the request.
fn turns(name: &'static str, conversation: Turns<'_>) {
    for size in [usize::MAX, 1, 2, 3, 7] {
        let by = conversation.last().expect("turns").0;
        let agreed = Agreed {
            name,
            by,
            at: 0,
            behind: 0,
        };
        let last = conversation.len() - 1;
        let expected = (Some(name), Some((last, agreed, Vec::new())));
        assert_eq!(told(conversation, size), expected, "in pieces of {size}");
    }
}

/// It does not turn to TLS.
fn stays(name: Option<&'static str>, conversation: Turns<'_>) {
    for size in [usize::MAX, 1, 2, 3, 7] {
        assert_eq!(
            told(conversation, size),
            (name, None),
            "in pieces of {size}"
        );
    }
}

fn join(turns: Turns<'_>) -> Vec<u8> {
    turns.iter().flat_map(|(_, said)| said.to_vec()).collect()
}

const SMTP: Turns<'_> = &[
    (S, b"220-mail.test ESMTP\r\n220 at your service\r\n"),
    (C, b"EHLO me.test\r\n"),
    (S, b"250-mail.test\r\n250-PIPELINING\r\n250 STARTTLS\r\n"),
    (C, b"STARTTLS\r\n"),
    (S, b"220 2.0.0 go ahead\r\n"),
];
const IMAP: Turns<'_> = &[
    (S, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] there\r\n"),
    (C, b". CAPABILITY\r\n"),
    (S, b"* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK done\r\n"),
    (C, b"a.1 starttls\r\n"),
    (S, b"* NO by the way\r\na.1 OK begin\r\n"),
];
const POP3: Turns<'_> = &[
    (S, b"+OK there <1.2@pop.test>\r\n"),
    (C, b"CAPA\r\n"),
    (S, b"+OK\r\nSTLS\r\n+OK in a list\r\n.\r\n"),
    (C, b"STLS\r\n"),
    (S, b"+OK begin\r\n"),
];
const POSTGRES: Turns<'_> = &[
    (C, b"\0\0\0\x08\x04\xd2\x16\x30"),
    (S, b"N"),
    (C, b"\0\0\0\x08\x04\xd2\x16\x2f"),
    (S, b"S"),
];

fn greeting(capabilities: u16) -> Vec<u8> {
    let [low, high] = capabilities.to_le_bytes();
    let payload = [
        &b"\x0a8.4.2-test\0\x07\0\0\0abcdefgh\0"[..],
        &[low, high, 0x21, 2, 0, 0xff, 0xc7, 21],
        &[0; 10],
        b"ijklmnopqrst\0caching_sha2_password\0",
    ]
    .concat();
    [&[payload.len() as u8, 0, 0, 0], &payload[..]].concat()
}

fn ssl_request() -> Vec<u8> {
    [&b"\x20\0\0\x01\x05\xae\xff\x19\0\0\0\x01\xff"[..], &[0; 23]].concat()
}

#[test]
fn they_turn_to_tls() {
    turns("SMTP", SMTP);
    turns("IMAP", IMAP);
    turns("POP3", POP3);
    turns("PostgreSQL", POSTGRES);
    turns("PostgreSQL", &POSTGRES[2..]);
    turns("MySQL", &[(S, &greeting(0xffff)), (C, &ssl_request())]);
    turns(
        "LMTP",
        &[
            (S, b"220 lmtp.test\n"),
            (C, b"LHLO me\n"),
            (S, b"250 STARTTLS\n"),
            (C, b"starttls \n"),
            (S, b"220\n"),
        ],
    );
}

#[test]
fn a_request_that_is_refused_may_come_again() {
    turns(
        "SMTP",
        &[
            (S, b"220 mail.test\r\n"),
            (C, b"EHLO me\r\n"),
            (S, b"250 fine\r\n"),
            (C, b"STARTTLS\r\n"),
            (S, b"454-not now:\r\n454 no certificate\r\n"),
            (C, b"AUTH LOGIN\r\n"),
            (S, b"334 VXNlcm5hbWU6\r\n"),
            // a name, and no command
            (C, b"STARTTLS\r\n"),
            (S, b"334 UGFzc3dvcmQ6\r\n"),
            (C, b"*\r\n"),
            (S, b"501 given up\r\n"),
            (C, b"NOOP\r\nRSET\r\nSTARTTLS\r\n"),
            (S, b"250 1\r\n220 2\r\n220 3\r\n"),
        ],
    );
    turns(
        "IMAP",
        &[
            (S, b"* OK there\r\n"),
            (C, b"1 STARTTLS\r\n"),
            (S, b"1 BAD not now\r\n"),
            (C, b"2 LOGIN a b\r\n"),
            (S, b"2 NO\r\n"),
            (C, b"3 STARTTLS\r\n"),
            (S, b"3 OK\r\n"),
        ],
    );
    turns(
        "POP3",
        &[
            (S, b"+OK there\r\n"),
            (C, b"STLS\r\n"),
            (S, b"-ERR not now\r\n"),
            (C, b"CAPA\r\nSTLS\r\n"),
            (S, b"-ERR what\r\n+OK begin\r\n"),
        ],
    );
    stays(Some("PostgreSQL"), &POSTGRES[..3]);
    let session = b"\0\0\0\x20\0\x03\0\0user\0me\0\0";
    stays(
        Some("PostgreSQL"),
        &[POSTGRES[2], (S, b"N"), (C, session), (S, b"R")],
    );
}

#[test]
fn what_does_not_turn_to_tls() {
    // a mail with the word in it
    stays(
        Some("SMTP"),
        &[
            (S, b"220 mail.test\r\n"),
            (C, b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n"),
            (S, b"250 1\r\n250 2\r\n250 3\r\n354 4\r\n"),
            (C, b"\r\nSTARTTLS\r\n.\r\n"),
            (S, b"220 5\r\n"),
        ],
    );
    stays(
        Some("IMAP"),
        &[
            (S, b"* OK there\r\n"),
            (C, b"1 LOGIN {12}\r\n"),
            (S, b"+ go on\r\n"),
            (C, b"2 STARTTLS\r\n x\r\n"),
            (S, b"2 OK\r\n"),
        ],
    );
    stays(
        Some("POP3"),
        &[
            (S, b"+OK there\r\n"),
            (C, b"AUTH PLAIN\r\n"),
            (S, b"+ \r\n"),
            (C, b"STLS\r\n"),
            (S, b"+OK\r\n"),
        ],
    );
    // the server says it without having been asked
    stays(None, &[(S, b"220 mail.test\r\n220 go ahead\r\n")]);
    stays(None, &[(C, b"STARTTLS\r\n"), (S, b"220 go ahead\r\n")]);
    stays(Some("IMAP"), &[(S, b"* OK\r\na OK\r\n")]);
    stays(
        None,
        &[
            (S, b"* PREAUTH\r\n"),
            (C, b"1 STARTTLS\r\n"),
            (S, b"1 OK\r\n"),
        ],
    );
    stays(
        Some("PostgreSQL"),
        &[(C, b"\0\0\0\x08\x04\xd2\x16\x30"), (S, b"G")],
    );
    stays(
        Some("PostgreSQL"),
        &[(C, b"\0\0\0\x10\x04\xd2\x16\x2eabcdefgh")],
    );
    stays(None, &[(C, b"\0\0\0\x09\x04\xd2\x16\x2fx"), (S, b"S")]);
    // FTP greets as SMTP does
    stays(
        None,
        &[
            (S, b"220 ftp.test\r\n"),
            (C, b"AUTH TLS\r\n"),
            (S, b"234 go ahead\r\n"),
        ],
    );
    // a server that cannot, a login in the clear, a request of another length or number
    let able = greeting(0xffff);
    stays(
        Some("MySQL"),
        &[(S, &greeting(0xf7ff)), (C, &ssl_request())],
    );
    let unable = [&b"\x20\0\0\x01\x05\xa6"[..], &[0; 30]].concat();
    for login in [
        &b"\x52\0\0\x01\x05\xae"[..],
        b"\x20\0\0\x02\x05\xae",
        &unable,
    ] {
        stays(Some("MySQL"), &[(S, &able), (C, login)]);
    }
    let two = [&able[..], b"x"].concat();
    stays(Some("MySQL"), &[(S, &two), (C, &ssl_request())]);
}

#[test]
fn garbage_is_none_of_them() {
    let garbage: Vec<u8> = (0..=255).rev().cycle().take(2000).collect();
    for first in [C, S] {
        stays(
            None,
            &[(first, &garbage), (C, b"STARTTLS\r\n"), (S, b"220 go\r\n")],
        );
    }
    for end in 0..garbage.len().min(300) {
        stays(None, &[(S, &garbage[end..]), (C, b"a STARTTLS\r\n")]);
    }
    // the beginning of a greeting, and then something else
    for whole in [join(SMTP), join(IMAP), join(POP3), greeting(0xffff)] {
        for end in 0..3 {
            let cut = [&whole[..end], b"\xff\xfe\n\n"].concat();
            stays(None, &[(S, &cut), (C, b"a STARTTLS\r\n"), (S, b"a OK\r\n")]);
        }
    }
}

#[test]
fn what_comes_behind_a_request_is_counted() {
    for (conversation, request) in [
        (
            SMTP,
            &b"STARTTLS\r\nMAIL FROM:<evil@a.test>\r\nDATA\r\n"[..],
        ),
        (IMAP, b"a.1 STARTTLS\r\nx LOGIN {3}\r\n"),
        (POP3, b"STLS\r\nUSER evil\r\nRETR 1\r\n"),
        (POSTGRES, b"\0\0\0\x08\x04\xd2\x16\x2fevil"),
    ] {
        let answered = conversation.len() - 1;
        let mut all = conversation.to_vec();
        all[answered - 1].1 = request;
        let behind = match request.first() {
            Some(0) => 4,
            _ => request.len() - request.iter().position(|b| *b == b'\n').expect("a line") - 1,
        };
        for size in [usize::MAX, 1, 5] {
            let (_, agreed) = told(&all, size);
            let (turn, agreed, _) = agreed.expect("it turns");
            assert_eq!((turn, agreed.behind), (answered, behind as u64));
        }
        // where the server refuses, it was no injection, and nothing more is read
        let no: &[u8] = match conversation {
            SMTP => b"454 no\r\n",
            IMAP => b"a.1 NO\r\n",
            POP3 => b"-ERR\r\n",
            _ => b"N",
        };
        all[answered].1 = no;
        all.extend_from_slice(&conversation[answered - 1..]);
        assert_eq!(told(&all, usize::MAX).1, None);
    }
}

#[test]
fn what_comes_behind_an_answer_stands_apart() {
    for conversation in [SMTP, IMAP, POP3, POSTGRES] {
        let mut all = conversation.to_vec();
        let last = all.len() - 1;
        let answer = [all[last].1, b"250 injected\r\n"].concat();
        all[last].1 = &answer;
        for size in [usize::MAX, 1] {
            let (_, _, behind) = told(&all, size).1.expect("it turns");
            assert_eq!(behind, b"250 injected\r\n");
        }
    }
    // behind MySQL's request the client's TLS begins
    let request = [&ssl_request()[..], b"\x16\x03\x01"].concat();
    let greeting = greeting(0xffff);
    let (_, agreed) = told(&[(S, &greeting), (C, &request)], usize::MAX);
    assert_eq!(agreed.expect("it turns").2, b"\x16\x03\x01");
}

#[test]
fn memory_is_bounded() {
    let line = |length: usize| [&vec![b'x'; length - 2][..], b"\r\n"].concat();
    for (length, may) in [(LONGEST, true), (LONGEST + 1, false)] {
        let noise = line(length);
        let conversation: Turns<'_> = &[
            (S, b"* OK\r\n"),
            (C, &noise),
            (C, b"1 STARTTLS\r\n"),
            (S, b"1 OK\r\n"),
        ];
        for size in [usize::MAX, 1, 4096] {
            assert_eq!(told(conversation, size).1.is_some(), may, "{length}");
        }
    }
    let mut watch = Watch::new();
    assert_eq!(watch.saw(S, b"220 "), None);
    for _ in 0..100 {
        watch.saw(S, &[b'x'; 1000]);
        assert!(watch.held() < 3 * LONGEST);
    }
    // not for ever
    for (first, may) in [(MOST - 30, true), (MOST, false)] {
        let chatter = b"* OK\r\n".repeat(first / 6);
        let conversation: Turns<'_> = &[
            (S, &chatter),
            (C, b"1 STARTTLS\r\n"),
            (S, b"1 OK go ahead\r\n"),
        ];
        assert_eq!(told(conversation, usize::MAX).1.is_some(), may);
    }
    let mut commands = Watch::new();
    commands.saw(S, b"220 mail.test\r\n");
    commands.saw(C, &b"NOOP\r\n".repeat(101));
    assert!(commands.readers.is_empty(), "so many are not counted");
}

#[test]
fn mutated_conversations_are_read_the_same_however_they_are_cut() {
    let (greeting, request) = (greeting(0xffff), ssl_request());
    let mysql: Turns<'_> = &[(S, &greeting), (C, &request), (C, b"\x16\x03\x01")];
    let seeds = [SMTP, IMAP, POP3, POSTGRES, mysql].map(|turns| {
        let written = turns.iter().map(|(side, said)| {
            let head = said.len() as u8 | if *side == S { 0x80 } else { 0 };
            [&[head][..], said].concat()
        });
        written.collect::<Vec<_>>().concat()
    });
    overhear_fuzz_rounds::rounds("proxy_starttls", fuzz::conversation, &seeds);
}
