//! The client's end of a WebSocket that a replay opened: says what it was given, answers pings, and closes (RFC 6455).

use bytes::Bytes;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// How long a WebSocket stays open after the last message, if nobody says otherwise.
const LISTEN: Duration = Duration::from_secs(5);
/// The longest it can stay open.
pub const MOST_LISTEN: Duration = Duration::from_secs(3600);
/// How long the server has to answer a Close.
const FAREWELL: Duration = Duration::from_secs(5);
/// Pongs that wait to be sent; a server that sends more pings meanwhile need not get an answer to each (section 5.5.3).
const WAITING: usize = 16;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What the client says in a WebSocket.
#[derive(Debug, Clone)]
pub struct Talk {
    /// Messages, in order.
    pub messages: Vec<Say>,
    /// How long it stays open after the last of them, [`MOST_LISTEN`] at most; then it is closed with 1000.
    pub listen: Duration,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Say {
    /// It is sent so long after the one before, or after the opening.
    pub after: Duration,
    /// It is text, and not binary.
    pub text: bool,
    /// Its content.
    pub data: Bytes,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            messages: Vec::new(),
            listen: LISTEN,
        }
    }
}

/// Talks until the WebSocket is closed; `read` came behind the opening already.
pub(super) async fn talk(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    read: &[u8],
    talk: &Talk,
) {
    let (answer, answers) = mpsc::channel(WAITING);
    tokio::select! {
        () = hear(from, read, answer) => {}
        () = say(to, talk, answers) => {}
    }
}

/// What is heard and must be answered.
enum Heard {
    Ping(Vec<u8>),
    Close(Vec<u8>),
}

/// Hears the server to its end.
async fn hear(from: &mut (impl AsyncRead + Unpin), read: &[u8], answer: mpsc::Sender<Heard>) {
    let mut frames = Frames::default();
    let mut tell = |opcode, payload: &[u8]| {
        let heard = match opcode {
            PING => Heard::Ping(payload.to_vec()),
            CLOSE => Heard::Close(payload.to_vec()),
            _ => return,
        };
        // a full queue has a pong or a close already
        let _ = answer.try_send(heard);
    };
    frames.feed(read, &mut tell);
    let mut piece = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        frames.feed(piece.get(..n).unwrap_or_default(), &mut tell);
    }
}

/// Says everything, answers, and ends after a Close of either side.
async fn say(to: &mut (impl AsyncWrite + Unpin), talk: &Talk, mut answers: mpsc::Receiver<Heard>) {
    let mut messages = talk.messages.iter();
    let mut next = messages.next();
    let mut due = Instant::now() + next.map_or(talk.listen, |first| first.after);
    let mut closing = false;
    loop {
        let frame = tokio::select! {
            biased;
            Some(heard) = answers.recv() => match heard {
                Heard::Ping(payload) => frame(PONG, &payload),
                // it answers ours
                Heard::Close(_) if closing => return,
                Heard::Close(payload) => {
                    // section 5.5.1: with the status that came
                    let _ = to.write_all(&frame(CLOSE, payload.get(..2).unwrap_or_default())).await;
                    return;
                }
            },
            () = sleep_until(due) => match next {
                _ if closing => return,
                Some(message) => {
                    next = messages.next();
                    due = Instant::now() + next.map_or(talk.listen, |next| next.after);
                    let opcode = if message.text { TEXT } else { BINARY };
                    frame(opcode, &message.data)
                }
                None => {
                    closing = true;
                    due = Instant::now() + FAREWELL;
                    frame(CLOSE, &1000_u16.to_be_bytes())
                }
            },
        };
        if to.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// A whole message of a client, masked (section 5.3).
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask: [u8; 4] = rand::random();
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ ..126), _) => frame.push(0x80 | short),
        (_, Ok(long)) => {
            frame.push(0x80 | 126);
            frame.extend(long.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    frame
}

/// The frames of a server, of which only control frames are kept: they have 125 bytes at most (section 5.5).
#[derive(Default)]
struct Frames {
    /// The head of the frame, as far as it has come.
    head: Vec<u8>,
    /// What is missing of the frame's payload, once its head is there.
    left: Option<u64>,
    payload: Vec<u8>,
}

impl Frames {
    /// Takes the next bytes; tells each control frame that they end.
    fn feed(&mut self, mut bytes: &[u8], tell: &mut impl FnMut(u8, &[u8])) {
        loop {
            let left = match self.left {
                Some(left) => left,
                None => {
                    let Some((byte, rest)) = bytes.split_first() else {
                        return;
                    };
                    self.head.push(*byte);
                    bytes = rest;
                    match payload(&self.head) {
                        Some(length) => *self.left.insert(length),
                        None => continue,
                    }
                }
            };
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let (piece, rest) = bytes.split_at_checked(take).unwrap_or((bytes, &[]));
            bytes = rest;
            let opcode = self.head.first().map_or(0, |first| first & 0x0f);
            if opcode >= CLOSE && self.payload.len() + piece.len() <= 125 {
                self.payload.extend_from_slice(piece);
            }
            let left = left - piece.len() as u64;
            self.left = Some(left);
            if left > 0 {
                return;
            }
            if opcode >= CLOSE {
                tell(opcode, &self.payload);
            }
            *self = Self::default();
        }
    }
}

/// How long the payload is that follows a head; none while the head is not whole.
fn payload(head: &[u8]) -> Option<u64> {
    let (&[_, second], rest) = head.split_first_chunk::<2>()?;
    // section 5.1: a server does not mask; one that does is read all the same
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    let (length, wide) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
        short => (u64::from(short), 0),
    };
    (rest.len() >= wide + mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8], size: usize) -> Vec<(u8, Vec<u8>)> {
        let mut frames = Frames::default();
        let mut told = Vec::new();
        for piece in bytes.chunks(size) {
            frames.feed(piece, &mut |opcode, payload| {
                told.push((opcode, payload.to_vec()))
            });
        }
        told
    }

    #[test]
    fn control_frames_are_found_between_messages() {
        let mut bytes = b"\x01\x03Hel\x89\x05Hello\x80\x02lo\x82\x7e\x01\x00".to_vec();
        bytes.extend([0x88; 256]);
        bytes.extend(b"\x82\x7f\0\0\0\0\0\x01\0\0");
        bytes.extend(vec![0x89; 65536]);
        bytes.extend(b"\x89\x00\x88\x02\x03\xe8");
        let expected = [
            (PING, b"Hello".to_vec()),
            (PING, Vec::new()),
            (CLOSE, vec![3, 0xe8]),
        ];
        for size in [1, 3, 1000, 100_000] {
            assert_eq!(told(&bytes, size), expected, "{size}");
        }
    }

    #[test]
    fn frames_are_masked_and_as_short_as_they_can_be() {
        for (length, head) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let frame = frame(BINARY, &payload);
            assert_eq!(frame[0], 0x82);
            assert_eq!(frame[1] & 0x80, 0x80);
            assert_eq!(super::payload(&frame[..head + 4]), Some(length as u64));
            let (mask, masked) = frame[head..].split_at(4);
            let plain: Vec<u8> = masked
                .iter()
                .zip(mask.iter().cycle())
                .map(|(a, b)| a ^ b)
                .collect();
            assert_eq!(plain, payload, "{length}");
        }
    }

    /// Plays a server that says `script` and gives what it got until the client has ended.
    async fn against(script: &[u8], what: &Talk) -> Vec<(u8, Vec<u8>)> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (mut from, mut to) = tokio::io::split(ours);
        let (mut got_from, mut said_to) = tokio::io::split(theirs);
        said_to.write_all(script).await.unwrap();
        talk(&mut from, &mut to, b"", what).await;
        to.shutdown().await.unwrap();
        let mut got = Vec::new();
        got_from.read_to_end(&mut got).await.unwrap();
        let mut frames = Vec::new();
        while let Some(length) = (2..=got.len()).find_map(|n| payload(&got[..n]).map(|l| (n, l))) {
            let (head, length) = (length.0, usize::try_from(length.1).unwrap());
            let mask = got[head - 4..head].to_vec();
            let data = &got[head..head + length];
            let plain = data.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
            frames.push((got[0] & 0x0f, plain.collect()));
            got.drain(..head + length);
        }
        frames
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_everything_answers_and_closes() {
        let say = |text: bool, data: &'static [u8]| Say {
            after: Duration::from_secs(1),
            text,
            data: Bytes::from_static(data),
        };
        let what = Talk {
            messages: vec![say(true, b"one"), say(false, b"\x00\xff")],
            listen: Duration::from_secs(3),
        };
        let begun = Instant::now();
        let got = against(b"\x81\x02hi\x89\x01p", &what).await;
        let expected = [
            (PONG, b"p".to_vec()),
            (TEXT, b"one".to_vec()),
            (BINARY, b"\x00\xff".to_vec()),
            (CLOSE, vec![3, 0xe8]),
        ];
        assert_eq!(got, expected);
        // a second before each, three after them, five for a server that does not answer
        assert_eq!(begun.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_close_of_the_server_is_answered() {
        let got = against(b"\x88\x06\x03\xe9gone", &Talk::default()).await;
        assert_eq!(got, [(CLOSE, vec![3, 0xe9])]);
    }
}
